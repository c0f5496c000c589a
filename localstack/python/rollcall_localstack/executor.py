"""Runs provided.* zip functions as local processes, with an in-process Lambda Runtime API. No Docker.

The processes stay in LocalStack's process group, so that they end when it is stopped.
"""

import json
import logging
import os
import queue
import subprocess
import threading
import time
from concurrent.futures import Future, TimeoutError as FutureTimeout
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from localstack.services.lambda_.invocation.executor_endpoint import StatusErrorException
from localstack.services.lambda_.invocation.lambda_models import InvocationResult
from localstack.services.lambda_.invocation.runtime_executor import RuntimeExecutor

LOG = logging.getLogger(__name__)
PREFIX = "/2018-06-01/runtime/"


def _error(kind, message):
    """The body of a failed invocation."""
    return json.dumps({"errorType": kind, "errorMessage": message}).encode()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *args):
        pass

    def _send(self, status, body=b"", headers=()):
        # one write: headers and body together
        self.send_response(status)
        for k, v in headers:
            self.send_header(k, v)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self._headers_buffer.append(b"\r\n")
        self._headers_buffer.append(body)
        self.flush_headers()

    def do_GET(self):
        ex = self.server.executor
        if self.path != PREFIX + "invocation/next":
            return self._send(404)
        ex.ready.set()
        item = ex.events.get()
        if item is None:
            self.close_connection = True
            return self._send(503)
        self._send(200, item["payload"].encode(), [
            ("Lambda-Runtime-Aws-Request-Id", item["invoke-id"]),
            ("Lambda-Runtime-Deadline-Ms", str(item["deadline"])),
            ("Lambda-Runtime-Invoked-Function-Arn", item["invoked-function-arn"]),
            ("Lambda-Runtime-Trace-Id", item.get("trace-id") or ""),
        ])

    def do_POST(self):
        ex = self.server.executor
        if "chunked" in (self.headers.get("Transfer-Encoding") or "").lower():
            body = b""
            while n := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(n)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == PREFIX + "init/error":
            ex.init_error = body
            ex.ready.set()
            return self._send(202)
        parts = self.path[len(PREFIX):].split("/") if self.path.startswith(PREFIX) else []
        if len(parts) == 3 and parts[0] == "invocation" and parts[2] in ("response", "error"):
            ex.finish(parts[1], body, parts[2] == "error")
            return self._send(202, b'{"status":"OK"}')
        self._send(404)


class ProcessRuntimeExecutor(RuntimeExecutor):
    def __init__(self, id, function_version):
        super().__init__(id=id, function_version=function_version)
        self.events: queue.Queue = queue.Queue()
        self.ready = threading.Event()
        self.init_error: bytes | None = None
        self.log_lock = threading.Lock()
        self.log_lines: list[str] = []
        self.current: tuple[str, Future] | None = None
        self.proc: subprocess.Popen | None = None
        self.env: dict | None = None
        self.server = None
        self.stopped = False

    # addresses: everything is on loopback
    def get_address(self):
        return "127.0.0.1"

    def get_endpoint_from_executor(self):
        return "127.0.0.1"

    def get_runtime_endpoint(self):
        return "http://127.0.0.1:0/unused"

    def start(self, env_vars):
        code = str(self.function_version.config.code.get_unzipped_code_location())
        boot = os.path.join(code, "bootstrap")
        if not os.path.isfile(boot):
            name = self.function_version.id.function_name
            error = _error("Runtime.InvalidEntrypoint", f"no bootstrap in the zip of {name}")
            raise StatusErrorException("no bootstrap", error)
        os.chmod(boot, 0o755)
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self.server.daemon_threads = True
        self.server.executor = self
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.2}, daemon=True).start()
        env = {k: str(v) for k, v in env_vars.items() if v is not None}
        env.update(AWS_LAMBDA_RUNTIME_API=f"127.0.0.1:{self.server.server_port}", LAMBDA_TASK_ROOT=code,
                   LAMBDA_RUNTIME_DIR=code, PATH=os.environ.get("PATH", ""), HOME="/tmp",
                   TMPDIR=os.environ.get("TMPDIR", "/tmp"))
        if wire := os.environ.get("ROLLCALL_FUNCTIONS_ENDPOINT"):
            env["AWS_ENDPOINT_URL"] = wire
        self.env, self.code, self.boot = env, code, boot
        self._spawn()

    def _spawn(self):
        self.ready.clear()
        self.init_error = None
        self.proc = subprocess.Popen([self.boot], cwd=self.code, env=self.env, stdin=subprocess.DEVNULL,
                                     stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        threading.Thread(target=self._pump, args=(self.proc,), daemon=True).start()
        end = time.time() + 10
        while not self.ready.wait(0.05):
            if self.proc.poll() is not None or time.time() > end:
                self._kill()
                message = f"RequestId: {self.id} Error: Runtime exited before the first invocation\n"
                error = _error("Runtime.ExitError", message + self.get_logs()[-500:])
                raise StatusErrorException("init failed", error)
        if self.init_error is not None:
            raise StatusErrorException("init error", self.init_error)

    def _pump(self, proc):
        for line in proc.stdout:
            with self.log_lock:
                self.log_lines.append(line.decode(errors="replace"))
                del self.log_lines[:-2000]
        rc = proc.wait()
        cur = self.current
        if cur and proc is self.proc and not self.stopped:
            message = f"RequestId: {cur[0]} Error: Runtime exited with error: exit status {rc}"
            self.finish(cur[0], _error("Runtime.ExitError", message), True)

    def finish(self, req_id, body, is_error):
        cur = self.current
        if cur and cur[0] == req_id and not cur[1].done():
            cur[1].set_result((body, is_error))

    def invoke(self, payload):
        rid = payload["invoke-id"]
        timeout = self.function_version.config.timeout
        if self.proc.poll() is not None:
            self.events = queue.Queue()
            self._spawn()
        with self.log_lock:
            self.log_lines.clear()
        fut: Future = Future()
        self.current = (rid, fut)
        t0 = time.perf_counter()
        self.events.put({**payload, "deadline": int((time.time() + timeout) * 1000)})
        try:
            body, err = self._await(fut, rid, timeout)
        except FutureTimeout:
            self._kill()
            message = f"RequestId: {rid} Error: Task timed out after {timeout:.2f} seconds"
            body, err = _error("Sandbox.Timedout", message), True
        finally:
            self.current = None
        ms = (time.perf_counter() - t0) * 1000
        time.sleep(0.001)
        fv = self.function_version
        with self.log_lock:
            lines = "".join(self.log_lines)
        memory = fv.config.memory_size
        logs = (f"START RequestId: {rid} Version: {fv.id.qualifier}\n{lines}END RequestId: {rid}\n"
                f"REPORT RequestId: {rid}\tDuration: {ms:.2f} ms\tBilled Duration: {int(ms) + 1} ms\t"
                f"Memory Size: {memory} MB\tMax Memory Used: {memory} MB\n")
        return InvocationResult(rid, body, is_error=err, logs=logs)

    def _await(self, fut, rid, timeout):
        """The result, or an error once the process has ended: a process that ends before it
        took the event reports nothing, and its caller must not wait for the whole timeout."""
        end = time.monotonic() + timeout
        while True:
            try:
                return fut.result(timeout=min(0.2, max(0.0, end - time.monotonic())))
            except FutureTimeout:
                if time.monotonic() >= end:
                    raise
                if self.proc.poll() is not None and not fut.done():
                    message = f"RequestId: {rid} Error: Runtime exited with status {self.proc.returncode}"
                    return _error("Runtime.ExitError", message), True

    def _kill(self):
        if self.proc and self.proc.poll() is None:
            self.proc.kill()
            self.proc.wait(5)

    def stop(self):
        self.stopped = True
        self.events.put(None)
        self._kill()
        if self.server:
            self.server.shutdown()
            self.server.server_close()

    def get_logs(self):
        with self.log_lock:
            return "".join(self.log_lines)

    @classmethod
    def prepare_version(cls, function_version):
        if function_version.config.code:
            function_version.config.code.prepare_for_execution()

    @classmethod
    def cleanup_version(cls, function_version):
        if function_version.config.code and function_version.config.code.is_hot_reloading():
            return
