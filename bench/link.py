"""A long way to the simulator: every byte takes some time in each direction, as on the way to Zoho."""

import asyncio
import threading
from urllib.parse import urlsplit


class Link:
    """A relay in a thread of its own; `url` is the far server's address at the near end."""

    def __init__(self, url: str, seconds: float) -> None:
        self.far = urlsplit(url)
        self.seconds = seconds
        self.loop = asyncio.new_event_loop()
        listening = asyncio.start_server(self.relay, "127.0.0.1", 0)
        self.server = self.loop.run_until_complete(listening)
        port = self.server.sockets[0].getsockname()[1]
        self.url = f"{self.far.scheme}://127.0.0.1:{port}"
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

    async def relay(self, near_reader, near_writer) -> None:
        far_reader, far_writer = await asyncio.open_connection(self.far.hostname, self.far.port)
        await asyncio.gather(self.carry(near_reader, far_writer), self.carry(far_reader, near_writer))

    async def carry(self, reader, writer) -> None:
        while piece := await reader.read(65536):
            self.loop.call_later(self.seconds, writer.write, piece)
        self.loop.call_later(self.seconds, writer.close)
