package emulator

import "time"

// StartWithLimits is Start with other times than AWS's.
func StartWithLimits(options Options, initialisation time.Duration, retries ...time.Duration) (*Server, error) {
	return start(options, limits{initialisation, retries})
}

// Serve counts an invocation of a function as one that was received at the given time.
func (s *Server) Serve(function string, at time.Time, took time.Duration, failed bool) {
	s.metrics.add(target{name: function}, served{at: at, took: took, failed: failed})
}

// Unpack is what is done with a zip that is uploaded. It answers the modes of the files.
func Unpack(content []byte, dir string) (map[string]uint32, error) {
	files, err := unpack(content, dir)
	if err != nil {
		return nil, err
	}
	modes := map[string]uint32{}
	for name, file := range files {
		modes[name] = uint32(file.mode)
	}
	return modes, nil
}

// RemoveTree removes what Unpack has made.
func RemoveTree(dir string) error { return removeTree(dir) }

// Route answers the operation and the function that a request is for.
func Route(method, escapedPath string) (operation, function string) {
	op, function := route(method, escapedPath)
	return op.name, function
}
