//go:build !linux

package runner

import (
	"net"
	"sync"
)

// ports hands out free ports, each to one process at a time. Another program can
// still take a port before the process listens on it.
type ports struct{ taken sync.Map }

func (p *ports) take() (port int, free func(), err error) {
	for {
		listener, err := net.Listen("tcp", localPort(0))
		if err != nil {
			return 0, nil, err
		}
		port := listener.Addr().(*net.TCPAddr).Port
		listener.Close()
		if _, taken := p.taken.LoadOrStore(port, true); !taken {
			return port, func() { p.taken.Delete(port) }, nil
		}
	}
}
