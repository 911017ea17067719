// What a host can ask of gRPC when its plugins are on several machines, as service configurations.
import type { ConnectGrpcTargetOptions } from '@rpcplugin/transport-grpc';

const roundRobin = [{ round_robin: {} }];

/** Ejects a machine for a while if most of its calls fail. Durations are objects in grpc-js. */
const outlierDetection = [
  {
    outlier_detection: {
      interval: { seconds: 1, nanos: 0 },
      base_ejection_time: { seconds: 5, nanos: 0 },
      failure_percentage_ejection: { threshold: 50, minimum_hosts: 3, request_volume: 5 },
      child_policy: roundRobin,
    },
  },
];

/** Makes a call again if a machine refused it or was lost. */
const retryPolicy = {
  maxAttempts: 3,
  initialBackoff: '0.01s',
  maxBackoff: '0.1s',
  backoffMultiplier: 2,
  retryableStatusCodes: ['UNAVAILABLE'],
};

/** Makes a call to another machine as well if the first has not answered in time. */
const hedgingPolicy = { maxAttempts: 3, hedgingDelay: '0.1s', nonFatalStatusCodes: ['UNAVAILABLE'] };

const anyMethod = [{}];

export const serviceConfigs = {
  pick_first: {},
  round_robin: { loadBalancingConfig: roundRobin },
  'outlier detection': { loadBalancingConfig: outlierDetection },
  retries: { loadBalancingConfig: roundRobin, methodConfig: [{ name: anyMethod, retryPolicy }] },
  /** For a host that may be too busy to notice at once that a machine is lost: gRPC makes five attempts at most. */
  'all retries': {
    loadBalancingConfig: roundRobin,
    methodConfig: [{ name: anyMethod, retryPolicy: { ...retryPolicy, maxAttempts: 5 } }],
  },
  hedging: { loadBalancingConfig: roundRobin, methodConfig: [{ name: anyMethod, hedgingPolicy }] },
} satisfies Record<string, object>;

/** One way to connect to several machines. */
export interface Way {
  readonly options: Omit<ConnectGrpcTargetOptions, 'signal'>;
  /** Whether calls go to all machines. */
  readonly isBalanced: boolean;
}

export function way(policy: keyof typeof serviceConfigs, options: Way['options'] = {}): Way {
  const serviceConfig = JSON.stringify(serviceConfigs[policy]);
  const channelOptions = { 'grpc.service_config': serviceConfig, ...options.channelOptions };
  return { options: { ...options, channelOptions }, isBalanced: policy !== 'pick_first' };
}
