import { TransportError } from '@rpcplugin/transport-core';

/** The descriptors that transports of this thread have had, and whether they are still open. */
const claimed = new Map<number, () => boolean>();

/**
 * Makes sure that only one transport at a time has a descriptor. The event loop does not always detect a second one,
 * which would later close whatever got the number after the first had closed it.
 *
 * @param isOpen - Whether the transport still has the descriptor. Its number may be another file's as soon as not.
 * @throws TransportError `ADDRESS_IN_USE`
 */
export function claimDescriptor(fd: number, isOpen: () => boolean): void {
  if (claimed.get(fd)?.() === true) {
    throw new TransportError('ADDRESS_IN_USE', `descriptor ${fd} is in use`, {
      hint: 'Another transport of this process has it. Use one transport for each socket.',
    });
  }
  claimed.set(fd, isOpen);
}
