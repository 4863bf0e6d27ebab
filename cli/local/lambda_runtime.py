"""Runs a Lambda function's code with the Node.js of this machine: moto itself runs it in Docker only."""

import io
import json
import os
import shutil
import subprocess
import tempfile
import zipfile
from pathlib import Path

from moto.awslambda.models import LambdaFunction

NODE_MODULES = Path(__file__).resolve().parents[2] / "node_modules"

# What Lambda's own runtime does: it calls the handler, and tells what it returns or throws.
RUN = """
const [folder, handler, arn, timeout] = process.argv.slice(1);
const { readFileSync, writeFileSync } = require("node:fs");
const { join } = require("node:path");
const [file, name] = handler.split(".");
const end = Date.now() + Number(timeout) * 1000;
const invocation = { invokedFunctionArn: arn, getRemainingTimeInMillis: () => end - Date.now() };
const answer = (value) => writeFileSync(join(folder, "answer"), JSON.stringify(value));
(async () => require(join(folder, file))[name](JSON.parse(readFileSync(0, "utf8")), invocation))().then(
  (result) => answer({ result: result ?? null }),
  (error) => answer({ error: { errorType: error.name, errorMessage: error.message, trace: String(error.stack).split("\\n") } }),
);
"""


def run(function: LambdaFunction, event: object, endpoint: str) -> tuple[object, bool, str]:
    """Gives what the function answers, whether that is an error, and what it printed."""
    with tempfile.TemporaryDirectory() as folder:
        zipfile.ZipFile(io.BytesIO(function.code_bytes)).extractall(folder)
        environment = {
            "PATH": os.environ["PATH"],
            "NODE_PATH": str(NODE_MODULES),
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_REGION": function.region,
            "AWS_ACCESS_KEY_ID": "emulator",
            "AWS_SECRET_ACCESS_KEY": "emulator",
            "AWS_LAMBDA_FUNCTION_NAME": function.function_name,
            **function.environment_vars,
        }
        arguments = [folder, function.handler, function.function_arn, str(function.timeout)]
        try:
            ended = subprocess.run(
                [shutil.which("node") or "node", "-e", RUN, *arguments],
                input=json.dumps(event),
                env=environment,
                timeout=function.timeout,
                capture_output=True,
                text=True,
                check=False,
            )
        except subprocess.TimeoutExpired as expired:
            message = f"Task timed out after {function.timeout} seconds"
            return {"errorType": "Sandbox.Timedout", "errorMessage": message}, True, str(expired.stdout or "")
        said = ended.stdout + ended.stderr
        answer = Path(folder) / "answer"
        if not answer.exists():
            return {"errorType": "Runtime.ExitError", "errorMessage": said.strip()}, True, said
        told = json.loads(answer.read_text())
        return told.get("error", told.get("result")), "error" in told, said
