package runner

import (
	"errors"
	"net"
	"syscall"
	"testing"
	"time"
)

// A port that was handed out is free for its process, and for nobody who asks for
// any port.
func TestPorts(t *testing.T) {
	t.Parallel()
	port, free, err := new(ports).take()
	if err != nil {
		t.Fatal(err)
	}
	if err := bindAlone(port); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("another program binds the port: %v", err)
	}
	listener, err := net.Listen("tcp", localPort(port))
	if err != nil {
		t.Fatalf("the process cannot listen: %v", err)
	}
	listener.Close()
	free()
	// A process that another test starts has the socket, too, between its fork and its
	// exec.
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		if err = bindAlone(port); err == nil || time.Now().After(deadline) {
			break
		}
	}
	if err != nil {
		t.Errorf("the port is not given back: %v", err)
	}
}

// bindAlone binds a port as the kernel does that chooses one: if no other socket
// has it, whatever its options are.
func bindAlone(port int) error {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	return syscall.Bind(fd, &syscall.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}})
}
