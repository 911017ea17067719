import { connectivityState, experimental } from '@grpc/grpc-js';
import type { ChannelOptions } from '@grpc/grpc-js';
import { dropUnused, stopCleanupTimer } from './subchannel-pool.js';

/** The name of the load balancing policy. */
export const POLICY = 'rpcplugin';

export class DialledPolicyConfig implements experimental.TypedLoadBalancingConfig {
  static createFromJson(): DialledPolicyConfig {
    return new DialledPolicyConfig();
  }

  getLoadBalancerName(): string {
    return POLICY;
  }

  toJsonObject(): object {
    return { [POLICY]: {} };
  }
}

/**
 * One connection, dialled when a call needs it. Only a dial that ends after a call was made decides on that call: when
 * it fails, the calls that waited for it fail with its error, and the next call dials again. gRPC's own policy
 * `pick_first` fails new calls with the latest error until a dial in the background succeeds, so it fails calls to a
 * plugin that has just come back.
 */
export class DialledPolicy implements experimental.LoadBalancer {
  readonly #helper: experimental.ChannelControlHelper;
  #subchannel: experimental.SubchannelInterface | undefined;
  #calls = 0;
  /** Keeps the process alive while calls are in progress, which a connection that is not a `net.Socket` does not. */
  readonly #keepAlive = setInterval(() => undefined, 2 ** 31 - 1).unref();

  constructor(helper: experimental.ChannelControlHelper) {
    this.#helper = helper;
  }

  updateAddressList(
    endpoints: experimental.StatusOr<experimental.Endpoint[]>,
    _config: experimental.TypedLoadBalancingConfig,
    options: ChannelOptions,
  ): boolean {
    const address = endpoints.ok ? endpoints.value[0]?.addresses[0] : undefined;
    if (this.#subchannel !== undefined || address === undefined) return true;
    const subchannel = this.#helper.createSubchannel(address, options);
    stopCleanupTimer(subchannel);
    subchannel.ref();
    subchannel.addConnectivityStateListener(this.#onState);
    this.#helper.addChannelzChild(subchannel.getChannelzRef());
    this.#subchannel = subchannel;
    this.#wait(connectivityState.CONNECTING);
    subchannel.startConnecting();
    return true;
  }

  readonly #onState: experimental.ConnectivityStateListener = (subchannel, _previous, state, _keepalive, error) => {
    switch (state) {
      case connectivityState.READY:
        this.#helper.updateState(state, this.#pickerOf(subchannel), null);
        break;
      case connectivityState.TRANSIENT_FAILURE:
        this.#helper.updateState(state, new experimental.UnavailablePicker({ details: error ?? '' }), error ?? null);
        this.#wait(connectivityState.IDLE);
        break;
      default:
        this.#wait(state);
    }
  };

  /** Lets calls wait for a connection. The first one starts to dial, unless that is in progress. */
  #wait(state: connectivityState): void {
    this.#helper.updateState(state, new experimental.QueuePicker(this), null);
  }

  #pickerOf(subchannel: experimental.SubchannelInterface): experimental.Picker {
    const result: experimental.PickResult = {
      pickResultType: experimental.PickResultType.COMPLETE,
      subchannel,
      status: null,
      onCallStarted: () => {
        if (this.#calls++ === 0) this.#keepAlive.ref();
      },
      onCallEnded: () => {
        if (--this.#calls > 0) return;
        this.#keepAlive.unref();
        if (this.#subchannel === undefined) clearInterval(this.#keepAlive);
      },
    };
    return { pick: () => result };
  }

  exitIdle(): void {
    this.#subchannel?.startConnecting();
  }

  resetBackoff(): void {
    // The subchannel has the back-off.
  }

  destroy(): void {
    const subchannel = this.#subchannel;
    this.#subchannel = undefined;
    if (this.#calls === 0) clearInterval(this.#keepAlive);
    if (subchannel === undefined) return;
    subchannel.removeConnectivityStateListener(this.#onState);
    this.#helper.removeChannelzChild(subchannel.getChannelzRef());
    subchannel.unref();
    dropUnused(subchannel);
  }

  getTypeName(): string {
    return POLICY;
  }
}
