"""What anybody may ask: that the server answers, and the API's page, which is all its own."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse, Response

from api.models import Health

ROUTER = APIRouter(tags=["server"])
_File = Literal["swagger-ui.css", "swagger-ui-bundle.js"]
_STYLE, _CODE, _BEGIN = "swagger-ui.css", "swagger-ui-bundle.js", "begin.js"
# What a browser does with the page: nothing of another place, whatever a description says.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_PAGE = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>SKP API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/{_STYLE}">
</head>
<body>
<div id="page"></div>
<script src="/docs/{_CODE}"></script>
<script src="/docs/{_BEGIN}"></script>
</body>
</html>
"""
_BEGINNING = """SwaggerUIBundle({
  url: "/openapi.json", dom_id: "#page", deepLinking: true, validatorUrl: null,
});
"""


@ROUTER.get("/health")
async def health() -> Health:
    """Say that the server answers."""
    return Health()


@ROUTER.get("/docs", include_in_schema=False)
async def page() -> HTMLResponse:
    """Show the API's page."""
    return HTMLResponse(_PAGE, headers={"Content-Security-Policy": _POLICY})


@ROUTER.get(f"/docs/{_BEGIN}", include_in_schema=False)
async def begin() -> Response:
    """Send the page's own script."""
    return Response(_BEGINNING, media_type="text/javascript")


@ROUTER.get("/docs/{name}", include_in_schema=False)
async def file(request: Request, name: _File) -> Response:
    """Send a file of the page, which is in the image."""
    folder = request.app.state.page
    return FileResponse(folder / name, headers={"Cache-Control": "public, max-age=86400"})
