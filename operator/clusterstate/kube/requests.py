"""One HTTP request to an API server, as aiohttp sends it: a write leaves only where the process may still write."""

import aiohttp

from clusterstate.fence import READS, require_leadership


class FencedRequest(aiohttp.ClientRequest):
    """Asks the fence when the connection is there: connecting, and waiting for one, may take as long as a freeze."""

    async def send(self, conn: aiohttp.connector.Connection) -> aiohttp.ClientResponse:
        """See `ClientRequest.send`. Raises `LeadershipLost`."""
        if self.method not in READS:
            require_leadership()
        return await super().send(conn)
