import { Channel, Metadata, status } from '@grpc/grpc-js';
import type { ChannelCredentials, ChannelOptions } from '@grpc/grpc-js';
import { messageOf } from '@rpcplugin/transport-base';
import { TransportError } from '@rpcplugin/transport-core';

type Call = ReturnType<Channel['createCall']>;

/** A channel whose calls fail with `UNAVAILABLE` once it is closed. A call of grpc-js's own channel throws. */
export class GrpcChannel extends Channel {
  #isShutDown = false;
  readonly #onClose: () => void;

  /**
   * @param endpoint - The endpoint or target that an error names.
   * @param onClose - Called by {@link close}, also that of a client. Calls {@link shutDown}.
   */
  constructor(
    target: string,
    endpoint: string,
    credentials: ChannelCredentials,
    options: ChannelOptions,
    onClose: () => void,
  ) {
    try {
      super(target, credentials, options);
    } catch (error) {
      throw new TransportError('INVALID_ARGUMENT', `grpc-js cannot create the channel: ${messageOf(error)}`, {
        endpoint,
        hint: 'Give credentials made by the same copy of @grpc/grpc-js, such as credentials.createInsecure().',
        cause: error,
      });
    }
    this.#onClose = onClose;
  }

  /** Starts no more calls, and ends its connections after those in progress. */
  shutDown(): void {
    this.#isShutDown = true;
    super.close();
  }

  override close(): void {
    this.#onClose();
  }

  override getConnectivityState(tryToConnect: boolean): ReturnType<Channel['getConnectivityState']> {
    // A channel of grpc-js would connect again, for ever.
    return super.getConnectivityState(tryToConnect && !this.#isShutDown);
  }

  override createCall(...args: Parameters<Channel['createCall']>): Call {
    return this.#isShutDown ? new RefusedCall() : super.createCall(...args);
  }
}

class RefusedCall implements Call {
  start(_metadata: Metadata, listener: Parameters<Call['start']>[1]): void {
    setImmediate(() => {
      listener.onReceiveStatus({
        code: status.UNAVAILABLE,
        details: 'The connection is closed',
        metadata: new Metadata(),
      });
    });
  }

  sendMessageWithContext({ callback }: Parameters<Call['sendMessageWithContext']>[0]): void {
    if (callback !== undefined) process.nextTick(callback);
  }

  cancelWithStatus(): void {
    // Fails anyway.
  }

  startRead(): void {
    // There is nothing to read.
  }

  halfClose(): void {
    // There is nothing to end.
  }

  setCredentials(): void {
    // Sends nothing.
  }

  getPeer(): string {
    return 'unknown';
  }

  getCallNumber(): number {
    return 0;
  }

  getAuthContext(): null {
    return null;
  }
}
