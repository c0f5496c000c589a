#!/usr/bin/env bash
# Installs, once and pinned, what the local platform and the checks need, from the
# package registries into .tools (ignored).
# usage: setup.sh cdk|cdk-assets|ministack|localstack|linters|browser|schemathesis|console-tools
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
TOOLS=$(cd "$HERE/../.." && pwd)/.tools
mkdir -p "$TOOLS"

fail() { echo "rollcall: $*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# done_once NAME VERSION: true when NAME was installed at VERSION before.
done_once() { [ "$(cat "$TOOLS/$1.installed" 2>/dev/null)" = "$2" ]; }
mark() { echo "$2" >"$TOOLS/$1.installed"; }

node_ok() {
  have node && have npm || fail "Node.js 22 with npm is needed (for the AWS CDK): install it and run make again"
  [ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ] || fail "Node.js $(node -v) is too old: the AWS CDK needs 22 or 24"
}

python_at_least() { "$1" -c "import sys; sys.exit(sys.version_info[:2] < ($2, $3))" 2>/dev/null; }

cdk() {
  node_ok
  local version=aws-cdk@2.1148.1 # npm's latest, 3.x, can't read this app's assembly
  done_once cdk "$version" && return
  echo "installing $version ..."
  npm install --prefix "$TOOLS/cdk" --no-save --no-audit --no-fund --loglevel=error "$version" >/dev/null
  mark cdk "$version"
}

# cdk-assets: what the deployment pipeline publishes the functions with.
cdk-assets() {
  node_ok
  local version=cdk-assets@4.7.3
  done_once cdk-assets "$version" && return
  echo "installing $version ..."
  npm install --prefix "$TOOLS/cdk-assets" --no-save --no-audit --no-fund --loglevel=error "$version" >/dev/null
  mark cdk-assets "$version"
}

# console-tools: what builds the console, and what tests it in a browser. Nothing of it runs in Lambda but what the
# bundle has of it. npm runs no package's own script.
console-tools() {
  node_ok
  local console=$HERE/../../functions/status/console version
  version=$(cksum <"$console/package-lock.json")
  ln -sfn ../../../.tools/console/node_modules "$console/node_modules"
  done_once console "$version" && return
  echo "installing the console's tools ..."
  mkdir -p "$TOOLS/console"
  cp "$console/package.json" "$console/package-lock.json" "$TOOLS/console/"
  (cd -P "$TOOLS/console" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null)
  mark console "$version"
}

ministack() {
  local version=ministack==1.5.33 py=
  for py in "${PYTHON-}" python3 python3.13 python3.12 python3.11; do
    [ -n "$py" ] && have "$py" && python_at_least "$py" 3 10 && break
    py=
  done
  [ -n "$py" ] || fail "Python 3.10 or newer is needed (for ministack): install it, or name it with PYTHON=/path/to/python3"
  done_once ministack "$version" && return
  echo "installing $version ..."
  rm -rf "$TOOLS/ministack"
  "$py" -m venv "$TOOLS/ministack"
  "$TOOLS/ministack/bin/pip" install -q --disable-pip-version-check "$version"
  mark ministack "$version"
}

# go_program NAME PACKAGE@VERSION: built from source, again when Go changes, because
# a linter reads no source of a Go newer than the one that built it.
go_program() {
  local version="$2 $(go env GOVERSION)"
  done_once "$1" "$version" && return
  echo "installing $2 ..."
  GOBIN="$TOOLS/bin" go install "$2"
  mark "$1" "$version"
}

linters() {
  go_program golangci-lint github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
  go_program actionlint github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
}

# schemathesis: makes calls of the API's document.
schemathesis() {
  local version=schemathesis==4.32.5
  have python3 && python_at_least python3 3 10 || fail "Python 3.10 or newer is needed (for schemathesis): install it and run make again"
  done_once schemathesis "$version" && return
  echo "installing $version ..."
  rm -rf "$TOOLS/schemathesis"
  python3 -m venv "$TOOLS/schemathesis"
  "$TOOLS/schemathesis/bin/pip" install -q --disable-pip-version-check "$version"
  mark schemathesis "$version"
}

# browser: the attacks of web pages are played in one. A distribution's package is the
# only source of Chromium that is pinned, signed and served by a registry.
browser() {
  local name
  for name in chromium chromium-browser google-chrome; do have "$name" && return; done
  [ "$(id -u)" = 0 ] && have apt-get || fail "Chromium is needed (its tests play the attacks of web pages): install it and run make again"
  echo "installing Chromium (about a minute) ..."
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null
}

# docker_ok: a Docker engine answers, so LocalStack's own image is used.
docker_ok() { have docker && docker info >/dev/null 2>&1; }

localstack() {
  docker_ok && return
  local py="" candidate
  for candidate in "${PYTHON313-}" python3.13 "$HOME"/.pyenv/versions/3.13.*/bin/python3.13; do
    if [ -n "$candidate" ] && have "$candidate" && python_at_least "$candidate" 3 13; then py=$candidate; break; fi
  done
  [ -n "$py" ] || fail "LocalStack 4.14.0 needs a running Docker engine or Python 3.13 (3.11 and 3.12 fail at import): install one, or name it with PYTHON313=/path/to/python3.13"
  have java || fail "Java 17 or newer is needed (for DynamoDB Local inside LocalStack)"
  have mvn || fail "Maven is needed (it fetches DynamoDB Local for LocalStack)"
  local version="localstack-core==4.14.0"
  if ! done_once localstack "$version"; then
    echo "installing $version (about a minute) ..."
    rm -rf "$TOOLS/localstack"
    "$py" -m venv "$TOOLS/localstack"
    "$TOOLS/localstack/bin/pip" install -q --disable-pip-version-check "localstack-core[runtime]==4.14.0" -c "$HERE/localstack-constraints.txt"
    mark localstack "$version"
  fi
  dynamodb_local
}

# What LocalStack would download at run time, placed where it looks for it.
dynamodb_local() {
  local version="dynamodb-local 3.1.0 java $(readlink -f "$(command -v java)")"
  done_once dynamodb-local "$version" && return
  echo "installing DynamoDB Local 3.1.0 ..."
  local lib=$TOOLS/localstack-root/var/lib/localstack/lib
  local ddb=$lib/dynamodb-local/2 work
  rm -rf "$lib"; mkdir -p "$ddb/DynamoDBLocal_lib" "$lib/java"
  work=$(mktemp -d)
  mvn -q -B -Dstyle.color=never -f "$HERE/dynamodb-local.pom.xml" dependency:copy-dependencies -DoutputDirectory="$work" -DincludeScope=runtime
  # LocalStack passes a Java agent that only GitHub has (a patch for tables with
  # more than 20 indexes); byte-buddy's is one that changes nothing.
  mv "$work"/byte-buddy-agent-*.jar "$ddb/ddb-local-loader-0.1.jar"
  mv "$work"/* "$ddb/DynamoDBLocal_lib/"; rmdir "$work"
  for f in "$ddb"/DynamoDBLocal_lib/libsqlite4java-*-1.0.392.*; do cp "$f" "${f/-1.0.392/}"; done
  "$TOOLS/localstack/bin/python" "$HERE/manifest_jar.py" "$ddb"
  ln -sfn "$(dirname "$(dirname "$(readlink -f "$(command -v java)")")")" "$lib/java/21"
  mark dynamodb-local "$version"
}

"$1"
