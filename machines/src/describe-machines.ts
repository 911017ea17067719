import { spawnSync } from 'node:child_process';
import { isRoot } from '@rpcplugin/test-support';
import { describe, it } from 'vitest';

/** The programs that the tests need, with the Debian packages that have them. */
const packages = {
  ip: 'iproute2',
  nsenter: 'util-linux',
  openssl: 'openssl',
  setpriv: 'util-linux',
  dnsmasq: 'dnsmasq-base',
  etcd: 'etcd-server',
  etcdctl: 'etcd-client',
  nft: 'nftables',
  tinyproxy: 'tinyproxy-bin',
};

/**
 * Groups tests that have several machines. Where these cannot be made, the tests are skipped; with `INTEROP=required`
 * they fail.
 *
 * @param programs - What the tests need besides.
 */
export function describeMachines(title: string, programs: readonly (keyof typeof packages)[], tests: () => void): void {
  describe(title, () => {
    const missing = whatIsMissing(['ip', 'nsenter', 'openssl', 'setpriv', ...programs]);
    if (missing === undefined) {
      tests();
      return;
    }
    it.skipIf(process.env['INTEROP'] !== 'required')(`needs ${missing}`, () => {
      throw new Error(`${missing} is missing`);
    });
  });
}

function whatIsMissing(programs: readonly (keyof typeof packages)[]): string | undefined {
  if (process.platform !== 'linux') return 'Linux';
  if (!isRoot) return 'root';
  for (const program of programs) {
    if (spawnSync('which', [program]).status !== 0) return `the Debian package ${packages[program]}`;
  }
  return spawnSync('unshare', ['--net', '--mount', '--uts', 'true']).status === 0 ? undefined : 'network namespaces';
}
