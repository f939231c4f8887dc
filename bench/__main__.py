"""`make bench`: every benchmark, one after the other.

Read the ratios. The figures beside them are of this machine at this moment.
"""

from __future__ import annotations

from bench import batching, catch_up, clients, put_cost

if __name__ == "__main__":
    put_cost.main()
    clients.main()
    batching.main()
    catch_up.main()
