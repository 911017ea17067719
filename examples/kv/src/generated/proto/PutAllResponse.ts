// Original file: proto/kv.proto


export interface PutAllResponse {
  'count'?: (number);
}

export interface PutAllResponse__Output {
  'count': (number);
}
