import { experimental, Metadata, status } from '@grpc/grpc-js';
import { parseEndpoint } from '@rpcplugin/endpoint-utils';
import type { Etcd3, Watcher } from 'etcd3';
import { withDeadline } from './deadline.js';
import { keyPrefix } from './keys.js';

/** How long to wait after etcd could not be read or watched, in milliseconds. */
const RETRY_MS = 1000;

/**
 * Teaches grpc-js targets such as `etcd:///kv`: the plugins that have registered for the service `kv`, as they come and
 * go. While etcd cannot be reached, calls go to those that were known before.
 */
export function registerEtcdResolver(etcd: Etcd3): void {
  experimental.registerResolver(
    'etcd',
    class extends EtcdResolver {
      constructor(target: experimental.GrpcUri, listener: experimental.ResolverListener) {
        super(etcd, target, listener);
      }
    },
  );
}

class EtcdResolver implements experimental.Resolver {
  readonly #etcd: Etcd3;
  readonly #prefix: string;
  readonly #listener: experimental.ResolverListener;
  #watcher: Watcher | undefined;
  #isReading = false;
  #isStale = false;
  #isKnown = false;

  constructor(etcd: Etcd3, target: experimental.GrpcUri, listener: experimental.ResolverListener) {
    this.#etcd = etcd;
    this.#prefix = keyPrefix(target.path);
    this.#listener = listener;
  }

  static getDefaultAuthority(target: experimental.GrpcUri): string {
    return target.path;
  }

  /** gRPC wants to know the plugins, for the first time or because it has lost one. etcd tells each change anyway. */
  updateResolution(): void {
    if (this.#watcher === undefined) this.#watch();
  }

  /** The channel is closed or idle. */
  destroy(): void {
    const watcher = this.#watcher;
    this.#watcher = undefined;
    this.#isKnown = false;
    watcher?.cancel().catch(() => undefined);
  }

  #watch(): void {
    const watcher = this.#etcd.watch().prefix(this.#prefix).watcher();
    this.#watcher = watcher;
    const read = (): void => {
      void this.#read();
    };
    // Connected again, it reads all: plugins may have come and gone.
    watcher.on('connected', read).on('data', read);
    // etcd has ended the watch, such as because it has forgotten what happened in the meantime.
    watcher.on('error', () => {
      later(() => {
        if (this.#watcher === watcher) this.#watch();
      });
    });
    read();
  }

  /** Tells gRPC the plugins. Reads once more if there were changes while it read. */
  async #read(): Promise<void> {
    this.#isStale = true;
    if (this.#isReading) return;
    this.#isReading = true;
    while (this.#isStale && this.#watcher !== undefined) {
      this.#isStale = false;
      try {
        const entries = await this.#etcd.getAll().prefix(this.#prefix).options(withDeadline()).strings();
        this.#tell(Object.values(entries));
      } catch (error) {
        this.#tellError(error);
        later(() => void this.#read());
        break;
      }
    }
    this.#isReading = false;
  }

  #tell(endpoints: readonly string[]): void {
    if (this.#watcher === undefined) return;
    this.#isKnown = true;
    const addresses = endpoints.flatMap((endpoint) => addressOf(endpoint) ?? []);
    const value = addresses.map((address) => ({ addresses: [address] }));
    this.#listener(experimental.statusOrFromValue(value), {}, null, `etcd has no plugins below ${this.#prefix}`);
  }

  #tellError(error: unknown): void {
    // What was known is better than nothing.
    if (this.#watcher === undefined || this.#isKnown) return;
    const details = `etcd cannot be read: ${error instanceof Error ? error.message : String(error)}`;
    const failure = { code: status.UNAVAILABLE, details, metadata: new Metadata() };
    this.#listener(experimental.statusOrFromError(failure), {}, null, '');
  }
}

function later(action: () => void): void {
  setTimeout(action, RETRY_MS).unref();
}

/** The address of a TCP endpoint. An entry that is something else must not keep gRPC from the others. */
function addressOf(endpoint: string): { host: string; port: number } | undefined {
  try {
    const parsed = parseEndpoint(endpoint);
    return parsed.network === 'tcp' ? { host: parsed.host, port: parsed.port } : undefined;
  } catch {
    return undefined;
  }
}
