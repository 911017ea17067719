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

// halfCloser is a TCP or unix connection, whose directions close separately.
type halfCloser interface {
	net.Conn
	CloseWrite() error
}

// runDial connects to each pair NETWORK ADDRESS, unmodified, and prints what it receives.
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

// runTarget passes each TARGET to gRPC, unmodified, and prints the value of the key "endpoint" there.
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

// runClient connects to NETWORK ADDRESS, sends BYTES bytes, half-closes, and reads to the end. It checks that the peer
// echoes the bytes, and prints what comes after them.
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

// runServer echoes what its one client sends, and after the client's half-close sends the number of bytes and their
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

// runGreeter greets its one client and half-closes before it reads. It prints the number of bytes and their digest.
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

// acceptOne listens, prints its address, and accepts one connection.
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
