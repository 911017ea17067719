// Original file: proto/kv.proto


export interface Empty {
}

export interface Empty__Output {
}
