// The third-party programs that the tests run against, and the Debian packages that provide them.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

export interface Peer {
  readonly name: string;
  /** The version on this machine; `undefined` if the program is missing. */
  readonly version: string | undefined;
  /** The Debian packages that provide it. */
  readonly packages: readonly string[];
}

export const PYTHON = '/usr/bin/python3';

/** In place of a version, as these tests run with any version of Node. */
const BUILT_IN = 'built in';

const go = firstMatch(/go([\d.]+)/, 'go', 'version');
const goPlugin = debianVersion('golang-github-hashicorp-go-plugin-dev');
const goGrpc = debianVersion('golang-google-grpc-dev');
// Debian's go-plugin needs gRPC but does not depend on its package.
const goPackages = ['golang-go', 'golang-github-hashicorp-go-plugin-dev', 'golang-google-grpc-dev'];
const pythonVersion = firstMatch(/([\d.]+)/, PYTHON, '--version');
const grpcio = firstMatch(/(.+)/, PYTHON, '-c', 'import google.protobuf, grpc; print(grpc.__version__)');
const nginx = debianVersion('libnginx-mod-stream') && debianVersion('nginx');
const protoc = firstMatch(/([\d.]+)/, 'protoc', '--version');

export const peers = {
  goPlugin: {
    name: 'go-plugin',
    version: go && goPlugin && goGrpc && `${goPlugin}, gRPC ${goGrpc}, Go ${go}`,
    packages: goPackages,
  },
  // All Go tests use one program, which does not build without go-plugin.
  goGrpc: { name: 'gRPC for Go', version: go && goPlugin && goGrpc && `${goGrpc}, Go ${go}`, packages: goPackages },
  go: { name: 'Go `net`', version: goPlugin && goGrpc && go, packages: goPackages },
  python: {
    name: 'Python grpcio',
    version: grpcio && protoc && `${grpcio}, Python ${pythonVersion ?? ''}`,
    packages: ['python3-grpcio', 'python3-protobuf', 'protobuf-compiler'],
  },
  curl: { name: 'curl', version: firstMatch(/curl ([\d.]+)/, 'curl', '--version'), packages: ['curl'] },
  grpcJs: { name: 'grpc-js', version: npmVersion('@grpc/grpc-js'), packages: [] },
  haproxy: { name: 'haproxy', version: firstMatch(/version ([\d.]+)/, 'haproxy', '-v'), packages: ['haproxy'] },
  http2: { name: 'Node `http2`', version: BUILT_IN, packages: [] },
  jsonRpc: { name: 'vscode-jsonrpc', version: npmVersion('vscode-jsonrpc'), packages: [] },
  nginx: { name: 'nginx', version: nginx, packages: ['nginx-light', 'libnginx-mod-stream'] },
  pythonSockets: { name: 'Python `socket`', version: pythonVersion, packages: ['python3'] },
  socat: { name: 'socat', version: firstMatch(/socat version ([\d.]+)/, 'socat', '-V'), packages: ['socat'] },
  tls: { name: 'Node `tls`', version: BUILT_IN, packages: [] },
} satisfies Record<string, Peer>;

/** The version of a package that `interop` depends on. */
function npmVersion(name: string): string | undefined {
  const manifest = readFileSync(new URL(`../node_modules/${name}/package.json`, import.meta.url), 'utf8');
  return /"version": "(.+)"/.exec(manifest)?.[1];
}

/** The first group of a pattern in a command's output; `undefined` if the command is missing or fails. */
function firstMatch(pattern: RegExp, command: string, ...args: string[]): string | undefined {
  const { status, stdout } = spawnSync(command, args, { encoding: 'utf8' });
  return status === 0 ? pattern.exec(stdout)?.[1] : undefined;
}

function debianVersion(name: string): string | undefined {
  return firstMatch(/^(?:\d+:)?([\d.]+)/, 'dpkg-query', '-Wf', '${Version}', name);
}
