"""Repositories as people have them, small: path to content."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coop_core.detection.tree import Tree

if TYPE_CHECKING:
    from pathlib import Path

Files = dict[str, str]


def tree(files: Files, name: str = "shop") -> Tree:
    return Tree(name, frozenset(files), files)


def write(files: Files, folder: Path) -> None:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)


FLASK: Files = {
    "requirements.txt": "flask==3.1.0\n",
    "requirements-dev.txt": "pytest\n",
    "app.py": (
        'from flask import Flask\n\napp = Flask(__name__)\n\n\n@app.get("/healthz")\n'
        'def healthz():\n    return "ok"\n'
    ),
    "tests/test_app.py": "from app import app\n",
}
FLASK_FACTORY: Files = {
    "pyproject.toml": '[project]\nname = "the-shop"\ndependencies = ["Flask>=3", "gunicorn"]\n',
    "shop/__init__.py": (
        "from flask import Flask\n\n\ndef create_app():\n    app = Flask(__name__)\n    return app\n"
    ),
}
FASTAPI: Files = {
    "pyproject.toml": '[project]\nname = "api"\ndependencies = ["fastapi", "uvicorn[standard]"]\n',
    "app/__init__.py": "",
    "app/main.py": (
        'from fastapi import FastAPI\n\napp: FastAPI = FastAPI(title="x")\n\n\n'
        '@app.get("/health")\nasync def health():\n    return {}\n'
    ),
}
DJANGO: Files = {
    "requirements.txt": "Django>=5\ngunicorn\n",
    "manage.py": 'import os\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")\n',
    "mysite/settings.py": "ALLOWED_HOSTS = []\n",
    "mysite/wsgi.py": "",
    "mysite/urls.py": 'from django.urls import path\n\nurlpatterns = [path("healthz/", lambda r: None)]\n',
    "polls/tests.py": "from django.test import TestCase\n",
}
EXPRESS: Files = {
    "package.json": (
        '{"name": "@acme/web", "main": "server.js", "scripts": {"start": "node server.js", "test": "jest"}}'
    ),
    "server.js": (
        'const app = require("express")();\napp.get("/healthz", (q, s) => s.send("ok"));\n'
        "app.listen(process.env.PORT || 3000);\n"
    ),
}
EXPRESS_FIXED: Files = {
    "package.json": '{"name": "web", "scripts": {"test": "echo \\"Error: no test specified\\" && exit 1"}}',
    "server.js": 'const app = require("express")();\napp.listen(3000);\n',
}
STATIC: Files = {"index.html": "<h1>good day</h1>\n", "style.css": "h1 { color: teal }\n"}
STATIC_BELOW: Files = {"README.md": "# site\n", "public/index.html": "<h1>good day</h1>\n"}
GO_DOCKERFILE: Files = {
    "go.mod": "module example.org/acme/ledger\n\ngo 1.24\n",
    "main.go": 'package main\n\nfunc main() { mux.HandleFunc("/readyz", ok) }\n',
    "main_test.go": "package main\n",
    "Dockerfile": (
        'FROM golang:1.24 AS build\nCMD ["never"]\nRUN go build -o /ledger .\n\n'
        'FROM scratch\nCOPY --from=build /ledger /ledger\nEXPOSE 9000\nENTRYPOINT ["/ledger"]\nCMD ["-v"]\n'
    ),
}
MONOREPO: Files = {
    "README.md": "# all of it\n",
    "services/api/requirements.txt": "fastapi\nuvicorn\n",
    "services/api/main.py": "from fastapi import FastAPI\napp = FastAPI()\n",
    "services/web/package.json": '{"name": "web", "scripts": {"start": "node ."}}',
    "services/worker/Procfile": "web: python worker.py\n",
    "services/worker/worker.py": "import os\nos.environ['PORT']\n",
    "libs/common/pyproject.toml": '[project]\nname = "common"\n',
    "libs/common/common/__init__.py": "",
}
PROCFILE: Files = {
    "Procfile": "# comment\nweb: gunicorn shop:app --bind 0.0.0.0:$PORT\nworker: celery -A shop worker\n",
    "requirements.txt": "flask\ngunicorn\n",
    "shop.py": "from flask import Flask\napp = Flask(__name__)\n",
    ".env.example": "DATABASE_URL=postgres://u:hunter2@db/x\nDEBUG=1\nPORT=5000\n",
}
COMPOSE: Files = {
    "compose.yaml": """\
services:
  api:
    build: ./backend
    command: python -m uvicorn main:app --port 8000
    ports: ["8080:8000"]
    environment:
      GREETING: hello
      DEBUG: true
      DATABASE_URL: postgres://u:hunter2@db/x
      API_TOKEN: s3cret
    healthcheck: {test: curl -f http://localhost:8000/live}
  web:
    build: {context: frontend}
    environment: [API=http://api:8000]
  db: {image: postgres:17}
  cache: {image: redis}
""",
    "backend/requirements.txt": "fastapi\nuvicorn\n",
    "backend/main.py": "from fastapi import FastAPI\napp = FastAPI()\n",
    "frontend/package.json": '{"name": "front", "scripts": {"start": "node server.js"}}',
    "frontend/server.js": "require('http').createServer().listen(process.env.PORT)\n",
}
SRC_LAYOUT: Files = {
    "pyproject.toml": '[project]\nname = "good-day"\n[tool.pytest.ini_options]\n',
    "src/good_day/__init__.py": "",
    "src/good_day/__main__.py": "from good_day.server import main\n\nmain()\n",
    "src/good_day/server.py": "def main(): ...\n",
    "tests/test_server.py": "",
}
DOCKERFILE_PYTHON: Files = {
    "requirements.txt": "gunicorn\n",
    "web.py": "def application(environ, start): ...\n",
    "Dockerfile": (
        "FROM python:3.13\nCOPY . .\nEXPOSE 8000\nHEALTHCHECK CMD curl -f http://localhost:8000/up\n"
        'CMD ["gunicorn", "--bind", "0.0.0.0:8000", "web:application"]\n'
    ),
}
STANDARD_LIBRARY: Files = {
    "server.py": (
        "import os\nfrom http.server import HTTPServer\nif __name__ == '__main__':\n    os.environ['PORT']\n"
    ),
}
TWO_APPS: Files = {
    "requirements.txt": "flask\n",
    "admin.py": "from flask import Flask\napp = Flask(__name__)\n",
    "public.py": "from flask import Flask\napp = Flask(__name__)\n",
}
KUBERNETES: Files = {
    "app.py": "import os\nfrom http.server import HTTPServer\nport = os.environ['PORT']\n",
    "deploy/app.yaml": """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  replicas: 4
  template:
    spec:
      containers:
        - name: shop
          image: ghcr.io/acme/shop:1.2.3
          ports: [{containerPort: 9090}]
          readinessProbe: {httpGet: {path: /ready, port: 9090}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: shop}
spec: {rules: [{host: shop.example.org}]}
""",
    "deploy/nightly.yaml": "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: nightly}\nspec: {}\n",
    "deploy/secret.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: keys}\n",
    "chart/Chart.yaml": "apiVersion: v2\nname: shop\n",
    "chart/templates/x.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n",
    "config.yaml": "apiVersion: not kubernetes\n",
}
NOTHING: Files = {"README.md": "# nothing yet\n", "notes.txt": "milk\n"}
EMPTY: Files = {}
