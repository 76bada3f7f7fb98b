package emulator

import (
	"encoding/base64"
	"maps"
	"slices"
	"strconv"
)

// pageOf returns the answer with one page of a list: the values after the
// request's Marker by key, MaxItems of them and not more than most. A marker is
// opaque to the caller. It is the last key of a page, so it stays valid when that
// value is deleted.
func pageOf[T any](c *call, member string, list map[string]T, most int) (any, error) {
	query := c.URL.Query()
	if given := query.Get("MaxItems"); given != "" {
		n, err := strconv.Atoi(given)
		if err != nil {
			return nil, invalid(given, "maxItems", "Member must be an integer")
		}
		if err := between(1, 10000, &n, "maxItems"); err != nil {
			return nil, err
		}
		most = min(most, n)
	}
	after, err := base64.RawURLEncoding.DecodeString(query.Get("Marker"))
	if err != nil {
		return nil, invalidParameter("Invalid marker: %s", query.Get("Marker"))
	}
	keys := slices.Sorted(maps.Keys(list))
	first, found := slices.BinarySearch(keys, string(after))
	if found {
		first++
	}
	keys = keys[first:]
	more := len(keys) > most
	keys = keys[:min(most, len(keys))]
	page := []T{}
	for _, key := range keys {
		page = append(page, list[key])
	}
	answer := map[string]any{member: page}
	if more {
		answer["NextMarker"] = base64.RawURLEncoding.EncodeToString([]byte(keys[most-1]))
	}
	return answer, nil
}
