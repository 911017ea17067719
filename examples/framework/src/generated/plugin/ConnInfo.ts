// Original file: proto/grpc_broker.proto


export interface ConnInfo {
  'serviceId'?: (number);
  'network'?: (string);
  'address'?: (string);
}

export interface ConnInfo__Output {
  'serviceId': (number);
  'network': (string);
  'address': (string);
}
