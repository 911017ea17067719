// Original file: proto/exchange.proto


export interface Value {
  'value'?: (Buffer | Uint8Array | string);
}

export interface Value__Output {
  'value': (Buffer);
}
