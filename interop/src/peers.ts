// The programs of others that the tests run against, and what they need of Debian.
import { spawnSync } from 'node:child_process';

export interface Peer {
  readonly name: string;
  /** What it is on this machine; `undefined` if it is not there. */
  readonly version: string | undefined;
  /** The Debian packages that it comes from. */
  readonly packages: readonly string[];
}

export const PYTHON = '/usr/bin/python3';

const go = firstMatch(/go([\d.]+)/, 'go', 'version');
const goPlugin = firstMatch(/^([\d.]+)/, 'dpkg-query', '-Wf', '${Version}', 'golang-github-hashicorp-go-plugin-dev');
const grpcio = firstMatch(/(.+)/, PYTHON, '-c', 'import google.protobuf, grpc; print(grpc.__version__)');

export const peers = {
  goPlugin: {
    name: 'go-plugin',
    version: go && goPlugin && `${goPlugin}, Go ${go}`,
    packages: ['golang-go', 'golang-github-hashicorp-go-plugin-dev'],
  },
  go: { name: 'Go `net`', version: go, packages: ['golang-go'] },
  python: {
    name: 'Python grpcio',
    version: grpcio && `${grpcio}, Python ${firstMatch(/([\d.]+)/, PYTHON, '--version') ?? ''}`,
    packages: ['python3-grpcio', 'python3-protobuf'],
  },
  curl: { name: 'curl', version: firstMatch(/curl ([\d.]+)/, 'curl', '--version'), packages: ['curl'] },
  socat: { name: 'socat', version: firstMatch(/socat version ([\d.]+)/, 'socat', '-V'), packages: ['socat'] },
} satisfies Record<string, Peer>;

/** The first group of a pattern in what a command prints; `undefined` if there is no such command, or it fails. */
function firstMatch(pattern: RegExp, command: string, ...args: string[]): string | undefined {
  const { status, stdout } = spawnSync(command, args, { encoding: 'utf8' });
  return status === 0 ? pattern.exec(stdout)?.[1] : undefined;
}
