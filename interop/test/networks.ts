import { networkInterfaces } from 'node:os';

/** Where a plugin of the example is to listen. */
export interface Network {
  /** Its name in the README's table. */
  readonly over: string;
  /** What a plugin is told in its environment. */
  readonly env: NodeJS.ProcessEnv;
  /** Whether this machine has it. */
  readonly available: boolean;
}

export const hasIPv6 = Object.values(networkInterfaces()).some((of) => of?.some(({ address }) => address === '::1'));

export const networks: readonly Network[] = [
  { over: 'unix', env: { KV_NETWORKS: 'unix' }, available: true },
  { over: 'TCP', env: { KV_NETWORKS: 'tcp' }, available: true },
  { over: 'TCP over IPv6', env: { KV_NETWORKS: 'tcp', KV_HOST: '::1' }, available: hasIPv6 },
];
