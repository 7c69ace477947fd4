"""As much of an OpenID provider as oidc-agent needs to load an account: discovery, and tokens that live an hour."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ACCESS_TOKEN = "1000.11111111111111111111111111111111.22222222222222222222222222222222"


class OpenIdProvider:
    """Runs in a thread; `issuer` is its address, `tokens` how many it gave. Gone when its block ends."""

    def __enter__(self) -> "OpenIdProvider":
        self.tokens = 0
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.issuer = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_) -> None:
        self.server.shutdown()

    def discovery(self) -> dict:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": self.issuer + "authorize",
            "token_endpoint": self.issuer + "token",
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "response_types_supported": ["code"],
            "scopes_supported": ["openid", "offline_access"],
        }

    def token(self) -> dict:
        self.tokens += 1
        return {"access_token": ACCESS_TOKEN, "token_type": "Bearer", "expires_in": 3600, "scope": "openid"}

    def handler(self) -> type[BaseHTTPRequestHandler]:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.answer(provider.discovery())

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.answer(provider.token())

            def answer(self, value: dict) -> None:
                body = json.dumps(value).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_) -> None:
                pass

        return Handler
