# SPDX-License-Identifier: GPL-2.0-only
"""An API server of the tests: lists of the recorded objects over HTTPS, with an authority of its own, paging, selectors, bearer
tokens and client certificates; and every way of being of no use."""

import base64
import http.server
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "kube-proxy"))
import expect  # noqa: E402
import lab  # noqa: E402

TOKEN = "ey.the-secret-token-of-the-tests.42"
KINDS = {"services": ("Service", "v1"), "endpointslices": ("EndpointSlice", "discovery.k8s.io/v1"), "nodes": ("Node", "v1"),
         "pods": ("Pod", "v1")}


def pods_of(slices):
    """A Pod for every one that the EndpointSlices refer to."""
    pods = {}
    for s in slices:
        for e in s.get("endpoints") or []:
            ref = e.get("targetRef") or {}
            if ref.get("kind") != "Pod":
                continue
            pod = pods.setdefault((ref["namespace"], ref["name"]), {
                "metadata": {"namespace": ref["namespace"], "name": ref["name"]},
                "spec": {"nodeName": e.get("nodeName"), "containers": [{"name": "c", "ports": []}]},
                "status": {"phase": "Running", "podIPs": [], "conditions": [
                    {"type": "Ready", "status": "True" if e["conditions"].get("ready") else "False"}]}})
            if {"ip": e["addresses"][0]} not in pod["status"]["podIPs"]:
                pod["status"]["podIPs"].append({"ip": e["addresses"][0]})
            pod["status"].setdefault("podIP", e["addresses"][0])
            for p in s.get("ports") or []:
                port = {"name": p.get("name"), "containerPort": p["port"], "protocol": p.get("protocol", "TCP")}
                if port not in pod["spec"]["containers"][0]["ports"]:
                    pod["spec"]["containers"][0]["ports"].append(port)
    return list(pods.values())


def objects():
    found = {k: expect.read(k) for k in ("services", "endpointslices", "nodes")}
    found["pods"] = pods_of(found["endpointslices"])
    for plural, (kind, version) in KINDS.items():
        for o in found[plural]:
            o["kind"], o["apiVersion"] = kind, version
    return found


def run(*argv, **kw):
    subprocess.run(argv, check=True, capture_output=True, **kw)


class Authority:
    """A certificate authority in a folder, made with openssl."""

    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        self.cert, self.key = os.path.join(folder, name + ".crt"), os.path.join(folder, name + ".key")
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
            "-subj", "/CN=" + name, "-keyout", self.key, "-out", self.cert)

    def sign(self, name, san=None):
        """(certificate, key)"""
        base = os.path.join(self.folder, self.name + "-" + name)
        run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=" + name,
            "-keyout", base + ".key", "-out", base + ".csr")
        extension = ["-extfile", "/dev/stdin"] if san else []
        run("openssl", "x509", "-req", "-in", base + ".csr", "-CA", self.cert, "-CAkey", self.key, "-CAcreateserial", "-days", "2",
            "-out", base + ".crt", *extension, input=("subjectAltName=" + san).encode() if san else None)
        return base + ".crt", base + ".key"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def say(self, status, body, kind="application/json"):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def known(self):
        if self.headers.get("Authorization") == "Bearer " + TOKEN:
            return True
        cert = self.connection.getpeercert()
        return bool(cert) and any(("commonName", "client") in rdn for rdn in cert["subject"])

    def do_GET(self):
        api = self.server.api
        api.requests.append(self.path)
        url = urllib.parse.urlsplit(self.path)
        parts = url.path.strip("/").split("/")
        if api.mode == "silent":
            time.sleep(4)
            return
        if api.mode == "garbage":
            self.say(200, b"\x00\xff{{{ this is no list" * 20)
            return
        if api.mode == "page":
            self.say(200, b"<html>Log in, please</html>", "text/html")
            return
        if api.mode == "torn":
            self.send_response(200)
            self.send_header("Content-Length", "5000")
            self.end_headers()
            self.wfile.write(b'{"kind":"ServiceList","items":[')
            self.close_connection = True
            return
        if not self.known():
            self.say(401, {"kind": "Status", "status": "Failure", "code": 401, "message": "who are you"})
            return
        if len(parts) < 3 or parts[-1] not in KINDS:
            self.discover(url.path)
            return
        if api.mode == "forbidden" or parts[-1] in api.forbidden:
            self.say(403, {"kind": "Status", "status": "Failure", "code": 403, "message": "no"})
            return
        self.list(parts, dict(urllib.parse.parse_qsl(url.query)))

    def discover(self, path):
        def resources(version):
            return [{"name": p, "singularName": "", "namespaced": p != "nodes", "kind": k, "verbs": ["get", "list"]}
                    for p, (k, v) in KINDS.items() if v == version]
        known = {"/api": {"kind": "APIVersions", "versions": ["v1"]},
                 "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": [
                     {"name": "discovery.k8s.io", "versions": [{"groupVersion": "discovery.k8s.io/v1", "version": "v1"}],
                      "preferredVersion": {"groupVersion": "discovery.k8s.io/v1", "version": "v1"}}]},
                 "/api/v1": {"kind": "APIResourceList", "groupVersion": "v1", "resources": resources("v1")},
                 "/apis/discovery.k8s.io/v1": {"kind": "APIResourceList", "groupVersion": "discovery.k8s.io/v1",
                                               "resources": resources("discovery.k8s.io/v1")}}
        self.say(200 if path in known else 404, known.get(path, {"kind": "Status", "code": 404}))

    def list(self, parts, query):
        api = self.server.api
        kind, version = KINDS[parts[-1]]
        found = api.objects[parts[-1]]
        if "namespaces" in parts:
            found = [o for o in found if o["metadata"].get("namespace") == parts[parts.index("namespaces") + 1]]
        for term in filter(None, query.get("fieldSelector", "").split(",")):
            field, value = term.split("=")
            where = {"metadata.name": lambda o: o["metadata"]["name"], "spec.nodeName": lambda o: o["spec"]["nodeName"],
                     "status.podIP": lambda o: o["status"]["podIP"]}[field]
            found = [o for o in found if where(o) == value]
        for term in filter(None, query.get("labelSelector", "").split(",")):
            label, value = term.split("=")
            found = [o for o in found if (o["metadata"].get("labels") or {}).get(label) == value]
        if api.mode == "gone" and "continue" in query or api.mode == "gone for good":
            self.say(410, {"kind": "Status", "status": "Failure", "code": 410, "reason": "Expired", "message": "too old"})
            return
        first = int(query.get("continue", "0+/=").split("+")[0])
        size = min(int(query.get("limit", "500")), api.page) or len(found)
        meta = {"resourceVersion": "7"}
        if api.mode == "endless":
            meta["continue"] = "0+/="
        elif first + size < len(found):
            # with characters that a query string must not hold as they are
            meta["continue"] = "%d+/=" % (first + size)
        self.say(200, {"kind": kind + "List", "apiVersion": version, "metadata": meta, "items": found[first:first + size]})


class Api:
    """Serves on address and port of a namespace until close()."""

    def __init__(self, ns, cert, key, client_ca=None, address="127.0.0.1", port=6443):
        self.objects, self.mode, self.page, self.forbidden, self.requests = objects(), "ok", 500, set(), []
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        if client_ca:
            context.verify_mode = ssl.CERT_OPTIONAL
            context.load_verify_locations(client_ca)
        with lab.inside(ns):
            self.server = http.server.ThreadingHTTPServer((address, port), Handler)
        self.server.daemon_threads = True
        self.server.api = self
        self.server.handle_error = lambda *_: None
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Mute:
    """Takes connections and says nothing, not even TLS."""

    def __init__(self, ns, port):
        with lab.inside(ns):
            self.socket = socket.create_server(("127.0.0.1", port))

    def close(self):
        self.socket.close()


def kubeconfig(path, server, ca=None, user=None, namespace=None, **cluster):
    """Written as JSON, which is YAML too."""
    if ca:
        with open(ca, "rb") as f:
            cluster["certificate-authority-data"] = base64.b64encode(f.read()).decode()
    context = {"cluster": "c", "user": "u"}
    if namespace:
        context["namespace"] = namespace
    with open(path, "w", encoding="utf-8") as f:
        json.dump({"apiVersion": "v1", "kind": "Config", "current-context": "x",
                   "clusters": [{"name": "c", "cluster": {"server": server, **cluster}}],
                   "users": [{"name": "u", "user": {"token": TOKEN} if user is None else user}],
                   "contexts": [{"name": "x", "context": context}]}, f)
    return path
