"""Of many candidates one leads, and everybody can read who."""

from __future__ import annotations

from kvcluster import AsyncClient, Client
from kvcluster.recipes import AsyncElection, Election
from tests.client.deciding_node import DecidingCluster


def test_one_leads_until_he_resigns(members: str, key: str) -> None:
    """Then the next one does, with a larger term."""
    with Client(members) as client:
        an, binh = Election(client, key, name="An"), Election(client, key, name="Bình 2")
        assert an.leader() is None
        assert an.campaign()
        assert (an.leads, binh.leads, binh.leader()) == (True, False, "An")
        assert not binh.campaign(0)
        assert an.renew()
        before = an.term
        assert an.resign()
        assert (an.term, an.resign()) == (None, False)
        assert binh.campaign(5.0)
        assert binh.leader() == "Bình 2"
        assert binh.term is not None
        assert before is not None
        assert binh.term > before
        binh.resign()


def test_who_is_not_heard_leads_no_longer(deciders: DecidingCluster, store: Client) -> None:
    """He learns it when he renews; others do not wait for that."""
    an, binh = Election(store, "e", ttl_s=10, name="An"), Election(store, "e", ttl_s=10, name="An")
    assert an.campaign(0)
    deciders.pass_s(13)
    assert binh.campaign(0), "two may have one name, and are two all the same"
    assert not an.renew()
    assert not an.leads
    assert binh.renew()


def test_whatever_stands_under_the_key_is_told(store: Client) -> None:
    """Somebody may have put it there by hand."""
    store.put("e", "somebody")
    assert Election(store, "e").leader() == "somebody"


async def test_the_asynchronous_election_does_the_same(members: str, key: str) -> None:
    """One is not to be learned after the other."""
    async with AsyncClient(members) as client:
        election = AsyncElection(client, key, name="An")
        assert await election.campaign(5.0)
        assert election.leads
        assert election.term
        assert await election.leader() == "An"
        assert await election.renew()
        assert await election.resign()
        assert await election.leader() is None
