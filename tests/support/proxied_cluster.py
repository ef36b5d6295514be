"""A cluster whose nodes reach AWS by a proxy that counts what passes, or spoils it. Celery's queue is not behind it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Generic, TypeVar

from benchmarks.proxy import CountingProxy
from scripts.cluster import Cluster

Proxy = TypeVar("Proxy", bound=CountingProxy)


class ProxiedCluster(Cluster, ABC, Generic[Proxy]):
    """The proxy is made once the local AWS runs, and ended after all nodes."""

    proxy: Proxy | None = None

    @abstractmethod
    def make_proxy(self) -> Proxy:
        """The proxy to ``self.endpoint_url``."""

    def _airflow_environment(self) -> dict[str, str]:
        if self.proxy is None:
            self.proxy = self.make_proxy()
            self.proxy.__enter__()
        return {**super()._airflow_environment(), "AWS_ENDPOINT_URL": self.proxy.endpoint_url}

    def _stop(self, table: Any) -> None:
        super()._stop(table)
        if self.proxy is not None:
            self.proxy.__exit__(None, None, None)
            self.proxy = None
