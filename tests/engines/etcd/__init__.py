"""etcd: what its errors mean, and real members that are killed and frozen."""
