import type { MemoryConnection } from '../../src/index.js';
import { EndTransport } from '../one-connection.js';
import type { EndMutant } from './mutant.js';

/** A transport that hands out its connection to every listen and connect. */
class Generous extends EndTransport {
  #end: MemoryConnection | undefined;
  protected override take(allowHalfOpen: boolean): MemoryConnection {
    this.#end ??= super.take(allowHalfOpen);
    return this.#end;
  }
}

/** A transport that destroys its connection when it is asked for another one. */
class Fragile extends EndTransport {
  #end: MemoryConnection | undefined;
  protected override take(allowHalfOpen: boolean): MemoryConnection {
    this.#end?.destroy();
    this.#end = super.take(allowHalfOpen);
    return this.#end;
  }
}

export const oneConnectionMutants: readonly EndMutant[] = [
  {
    mistake: 'hands out its one connection again',
    fails: [
      'C8 rejects a second connect with CLOSED and keeps the connection',
      'C8 rejects a connect after the connection has closed with CLOSED',
      'C8 rejects a listen after stopListening with CLOSED and keeps the connection',
      'C8 rejects a connect of the listening transport with CLOSED and keeps the connection',
    ],
    end: Generous,
  },
  {
    mistake: 'loses its one connection when it is asked for another',
    fails: [
      'C8 rejects a second connect with CLOSED and keeps the connection',
      'C8 rejects a listen after stopListening with CLOSED and keeps the connection',
      'C8 rejects a connect of the listening transport with CLOSED and keeps the connection',
    ],
    finds: /the stream ended/,
    end: Fragile,
  },
];
