package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"io/ioutil"
	"math/rand"
	"net"
	"strconv"
	"time"

	"google.golang.org/grpc"
)

// halfCloser is a TCP or unix connection, each direction of which ends on its own.
type halfCloser interface {
	net.Conn
	CloseWrite() error
}

// runDial connects to each of NETWORK ADDRESS..., as they stand, and prints what is said there.
func runDial(args []string) error {
	for i := 0; i+1 < len(args); i += 2 {
		conn, err := net.DialTimeout(args[i], args[i+1], 5*time.Second)
		if err != nil {
			fmt.Println("error:", err)
			continue
		}
		said, err := ioutil.ReadAll(conn)
		conn.Close()
		if err != nil {
			fmt.Println("error:", err)
			continue
		}
		fmt.Println(string(said))
	}
	return nil
}

// runTarget gives each of TARGET... to gRPC, as it stands, and prints the value of the key "endpoint" there.
func runTarget(targets []string) error {
	for _, target := range targets {
		value, err := getFrom(target)
		if err != nil {
			fmt.Println("error:", err)
			continue
		}
		fmt.Println(string(value))
	}
	return nil
}

func getFrom(target string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	conn, err := grpc.DialContext(ctx, target, grpc.WithInsecure(), grpc.WithBlock(), grpc.FailOnNonTempDialError(true))
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return kvClient{conn}.Get(ctx, "endpoint")
}

// runClient connects to NETWORK ADDRESS, sends BYTES bytes, ends its direction, and reads until the peer ends its own. It prints
// whether it got back what it sent, and what came after that.
func runClient(args []string) error {
	size, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	conn, err := net.Dial(args[0], args[1])
	if err != nil {
		return err
	}
	defer conn.Close()
	sent := make([]byte, size)
	rand.Read(sent)
	failed := make(chan error, 1)
	go func() {
		if _, err := conn.Write(sent); err != nil {
			failed <- err
			return
		}
		failed <- conn.(halfCloser).CloseWrite()
	}()
	received, err := ioutil.ReadAll(conn)
	if err != nil {
		return err
	}
	if err := <-failed; err != nil {
		return err
	}
	if !bytes.HasPrefix(received, sent) {
		return fmt.Errorf("sent %d bytes, got %d others", len(sent), len(received))
	}
	fmt.Printf("echo, then %s\n", received[len(sent):])
	return nil
}

// runServer sends everything that its one client sends back to it, and after the client's end how many bytes those were and their
// digest.
func runServer(args []string) error {
	conn, err := acceptOne(args[0], args[1])
	if err != nil {
		return err
	}
	defer conn.Close()
	summary, err := summarize(io.TeeReader(conn, conn))
	if err != nil {
		return err
	}
	_, err = io.WriteString(conn, summary)
	return err
}

// runGreeter greets its one client, ends its direction, and only then reads; it prints how many bytes came and their digest.
func runGreeter(args []string) error {
	conn, err := acceptOne(args[0], args[1])
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "hello"); err != nil {
		return err
	}
	if err := conn.CloseWrite(); err != nil {
		return err
	}
	summary, err := summarize(conn)
	fmt.Println(summary)
	return err
}

// acceptOne listens, prints where, and takes the first connection.
func acceptOne(network, address string) (halfCloser, error) {
	listener, err := net.Listen(network, address)
	if err != nil {
		return nil, err
	}
	defer listener.Close()
	fmt.Printf("%s|%s\n", listener.Addr().Network(), listener.Addr())
	conn, err := listener.Accept()
	if err != nil {
		return nil, err
	}
	return conn.(halfCloser), nil
}

func summarize(reader io.Reader) (string, error) {
	digest := sha256.New()
	count, err := io.Copy(digest, reader)
	return fmt.Sprintf("%d %x", count, digest.Sum(nil)), err
}
