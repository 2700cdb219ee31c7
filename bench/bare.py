"""The yardstick: the least that a Flask JSON endpoint can do."""

from __future__ import annotations

from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue


def create_app() -> Flask:
    app = Flask("bare")

    @app.post("/beat")
    def beat() -> ResponseReturnValue:
        body = request.get_json()
        return jsonify(seq=body["seq"], ok=True)

    return app
