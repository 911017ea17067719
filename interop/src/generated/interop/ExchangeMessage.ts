// Original file: proto/exchange.proto


export interface ExchangeMessage {
  'service'?: (number);
  'value'?: (Buffer | Uint8Array | string);
}

export interface ExchangeMessage__Output {
  'service': (number);
  'value': (Buffer);
}
