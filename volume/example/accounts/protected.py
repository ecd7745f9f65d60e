"""A service of your own that asks who comes: it is given the platform's public keys, and no secret.

    python protected.py &
    curl -H "Authorization: Bearer ACCESS_TOKEN" http://localhost:8099/
"""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt

KEYS = jwt.PyJWKClient("http://flask-skp:8060/.well-known/jwks.json", timeout=5)


class Protected(BaseHTTPRequestHandler):
    def do_GET(self):
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        try:
            key = KEYS.get_signing_key_from_jwt(token).key
            who = jwt.decode(token, key, algorithms=["RS256"], audience="skp", issuer="flask-skp")
            status, answer = 200, {"hello": who["sub"], "projects": who["projects"]}
        except jwt.PyJWTError as error:
            status, answer = 401, {"message": str(error)}
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())


if __name__ == "__main__":
    ThreadingHTTPServer(("0.0.0.0", 8099), Protected).serve_forever()
