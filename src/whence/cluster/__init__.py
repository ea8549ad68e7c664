"""Work for many machines, by Ray (https://docs.ray.io): joining a cluster, and one function over many items on it."""

from whence.cluster.cluster import Cluster
from whence.cluster.spread import Job

__all__ = ["Cluster", "Job"]
