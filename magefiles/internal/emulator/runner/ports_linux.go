package runner

import (
	"os"
	"syscall"
)

// ports hands out free ports, each to one process at a time.
type ports struct{}

// take binds a port without listening on it. Until free is called, the kernel gives
// the port to nobody who asks for any free port, such as another emulator, whose
// process would answer in place of ours. A process that asks for this port can
// listen on it, since Go sets SO_REUSEADDR, too.
func (*ports) take() (port int, free func(), err error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, nil, os.NewSyscallError("socket", err)
	}
	free = func() { _ = syscall.Close(fd) }
	if err = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err == nil {
		err = syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	}
	var address syscall.Sockaddr
	if err == nil {
		address, err = syscall.Getsockname(fd)
	}
	if err != nil {
		free()
		return 0, nil, os.NewSyscallError("bind", err)
	}
	return address.(*syscall.SockaddrInet4).Port, free, nil
}
