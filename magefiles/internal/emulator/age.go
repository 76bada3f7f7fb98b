package emulator

import "time"

// Age makes everything that has happened so far so many minutes older: when
// functions were last modified, and the minutes of the metrics. So what is judged
// by CloudWatch's minutes need not be waited for.
func (s *Server) Age(minutes int) {
	by := time.Duration(minutes) * time.Minute
	s.mu.Lock()
	for _, f := range s.functions {
		f.reported.LastModified = older(f.reported.LastModified, by)
	}
	s.mu.Unlock()
	s.metrics.age(by)
}

func (m *metrics) age(by time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for key, minutes := range m.series {
		aged := map[int64]aggregate{}
		for minute, a := range minutes {
			aged[minute-int64(by/time.Second)] = a
		}
		m.series[key] = aged
	}
}

func older(modified string, by time.Duration) string {
	t, err := time.Parse(lastModified, modified)
	if err != nil {
		return modified
	}
	return t.Add(-by).Format(lastModified)
}
