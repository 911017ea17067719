import { Duplex } from 'node:stream';

/** The two ends of a stream of objects, in place of a call. */
export function streamEnds(): [Duplex, Duplex] {
  const end = (other: () => Duplex): Duplex =>
    new Duplex({
      objectMode: true,
      read: () => undefined,
      write: (info, _, done) => {
        other().push(info);
        done();
      },
      final: (done) => {
        other().push(null);
        done();
      },
    });
  const one: Duplex = end(() => other);
  const other: Duplex = end(() => one);
  return [one, other];
}
