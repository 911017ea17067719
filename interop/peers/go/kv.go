package main

import (
	"context"
	"io"
	"sync"

	"github.com/golang/protobuf/proto"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// The messages of examples/kv/proto/kv.proto, as the code generator would write them, without the unused parts.

type GetRequest struct {
	Key string `protobuf:"bytes,1,opt,name=key,proto3"`
}

type GetResponse struct {
	Value []byte `protobuf:"bytes,1,opt,name=value,proto3"`
}

type PutRequest struct {
	Key   string `protobuf:"bytes,1,opt,name=key,proto3"`
	Value []byte `protobuf:"bytes,2,opt,name=value,proto3"`
}

type PutAllResponse struct {
	Count int32 `protobuf:"varint,1,opt,name=count,proto3"`
}

type Entry struct {
	Key   string `protobuf:"bytes,1,opt,name=key,proto3"`
	Value []byte `protobuf:"bytes,2,opt,name=value,proto3"`
}

type Empty struct{}

func (m *GetRequest) Reset()             { *m = GetRequest{} }
func (m *GetRequest) String() string     { return proto.CompactTextString(m) }
func (*GetRequest) ProtoMessage()        {}
func (m *GetResponse) Reset()            { *m = GetResponse{} }
func (m *GetResponse) String() string    { return proto.CompactTextString(m) }
func (*GetResponse) ProtoMessage()       {}
func (m *PutRequest) Reset()             { *m = PutRequest{} }
func (m *PutRequest) String() string     { return proto.CompactTextString(m) }
func (*PutRequest) ProtoMessage()        {}
func (m *PutAllResponse) Reset()         { *m = PutAllResponse{} }
func (m *PutAllResponse) String() string { return proto.CompactTextString(m) }
func (*PutAllResponse) ProtoMessage()    {}
func (m *Entry) Reset()                  { *m = Entry{} }
func (m *Entry) String() string          { return proto.CompactTextString(m) }
func (*Entry) ProtoMessage()             {}
func (m *Empty) Reset()                  { *m = Empty{} }
func (m *Empty) String() string          { return proto.CompactTextString(m) }
func (*Empty) ProtoMessage()             {}

// kvClient calls the service.
type kvClient struct {
	conn *grpc.ClientConn
}

func (c kvClient) Get(ctx context.Context, key string) ([]byte, error) {
	response := new(GetResponse)
	err := c.conn.Invoke(ctx, "/proto.KV/Get", &GetRequest{key}, response)
	return response.Value, err
}

func (c kvClient) Put(ctx context.Context, key string, value []byte) error {
	return c.conn.Invoke(ctx, "/proto.KV/Put", &PutRequest{key, value}, new(Empty))
}

func (c kvClient) List(ctx context.Context) ([]*Entry, error) {
	stream, err := c.conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, "/proto.KV/List")
	if err != nil {
		return nil, err
	}
	if err := stream.SendMsg(new(Empty)); err != nil {
		return nil, err
	}
	if err := stream.CloseSend(); err != nil {
		return nil, err
	}
	var entries []*Entry
	for {
		entry := new(Entry)
		if err := stream.RecvMsg(entry); err == io.EOF {
			return entries, nil
		} else if err != nil {
			return nil, err
		}
		entries = append(entries, entry)
	}
}

func (c kvClient) PutAll(ctx context.Context, requests []*PutRequest) (int32, error) {
	stream, err := c.conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true}, "/proto.KV/PutAll")
	if err != nil {
		return 0, err
	}
	for _, request := range requests {
		if err := stream.SendMsg(request); err != nil {
			return 0, err
		}
	}
	if err := stream.CloseSend(); err != nil {
		return 0, err
	}
	response := new(PutAllResponse)
	err = stream.RecvMsg(response)
	return response.Count, err
}

// kvStore is the service: a store in memory that keeps the order in which its keys were first put.
type kvStore struct {
	mutex  sync.Mutex
	keys   []string
	values map[string][]byte
}

func (s *kvStore) get(key string) (*GetResponse, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	value, ok := s.values[key]
	if !ok {
		return nil, status.Errorf(codes.NotFound, "no key %q", key)
	}
	return &GetResponse{value}, nil
}

func (s *kvStore) put(request *PutRequest) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if _, ok := s.values[request.Key]; !ok {
		s.keys = append(s.keys, request.Key)
	}
	s.values[request.Key] = request.Value
}

func (s *kvStore) list(stream grpc.ServerStream) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for _, key := range s.keys {
		if err := stream.SendMsg(&Entry{key, s.values[key]}); err != nil {
			return err
		}
	}
	return nil
}

func (s *kvStore) putAll(stream grpc.ServerStream) error {
	var count int32
	for {
		request := new(PutRequest)
		if err := stream.RecvMsg(request); err == io.EOF {
			return stream.SendMsg(&PutAllResponse{count})
		} else if err != nil {
			return err
		}
		s.put(request)
		count++
	}
}

var kvService = grpc.ServiceDesc{
	ServiceName: "proto.KV",
	HandlerType: (*interface{})(nil),
	Methods: []grpc.MethodDesc{
		{MethodName: "Get", Handler: func(store interface{}, _ context.Context, decode func(interface{}) error, _ grpc.UnaryServerInterceptor) (interface{}, error) {
			request := new(GetRequest)
			if err := decode(request); err != nil {
				return nil, err
			}
			return store.(*kvStore).get(request.Key)
		}},
		{MethodName: "Put", Handler: func(store interface{}, _ context.Context, decode func(interface{}) error, _ grpc.UnaryServerInterceptor) (interface{}, error) {
			request := new(PutRequest)
			if err := decode(request); err != nil {
				return nil, err
			}
			store.(*kvStore).put(request)
			return new(Empty), nil
		}},
	},
	Streams: []grpc.StreamDesc{
		{StreamName: "List", ServerStreams: true, Handler: func(store interface{}, stream grpc.ServerStream) error {
			if err := stream.RecvMsg(new(Empty)); err != nil {
				return err
			}
			return store.(*kvStore).list(stream)
		}},
		{StreamName: "PutAll", ClientStreams: true, Handler: func(store interface{}, stream grpc.ServerStream) error {
			return store.(*kvStore).putAll(stream)
		}},
	},
}
