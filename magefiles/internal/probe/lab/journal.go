package lab

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"example.com/dualboot/magefiles/internal/atomicfile"
)

// journal is the list of what a run has created and not deleted yet, on disk, so
// that a run that is killed leaves a trace.
type journal struct {
	path string

	mu   sync.Mutex
	list list
}

// list is the content of a journal.
type list struct {
	Account, Region string
	Resources       []Resource
}

func newJournal(dir, run, account, region string) *journal {
	return &journal{path: filepath.Join(dir, "journal-"+run+".json"), list: list{Account: account, Region: region}}
}

func (j *journal) add(r Resource) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.list.Resources = append(j.list.Resources, r)
	return j.write()
}

func (j *journal) remove(r Resource) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.list.Resources = slices.DeleteFunc(j.list.Resources, func(other Resource) bool { return other == r })
	return j.write()
}

// write writes the journal, or removes it if it is empty.
func (j *journal) write() error {
	if len(j.list.Resources) == 0 {
		if err := os.Remove(j.path); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	text, err := json.MarshalIndent(j.list, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(j.path), 0o755); err != nil {
		return err
	}
	return atomicfile.Replace(j.path, append(text, '\n'))
}

// journals returns the journals in a directory that are about the account and the
// region.
func journals(dir, account, region string) (found []*journal, err error) {
	paths, err := filepath.Glob(filepath.Join(dir, "journal-*.json"))
	if err != nil {
		return nil, err
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // its run has ended meanwhile
		}
		j := &journal{path: path}
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(text, &j.list); err != nil {
			return nil, fmt.Errorf("%s is not a journal: %w; delete it, as the lists of functions and layers are searched, too", path, err)
		}
		if j.list.Account == account && j.list.Region == region {
			found = append(found, j)
		}
	}
	return found, nil
}
