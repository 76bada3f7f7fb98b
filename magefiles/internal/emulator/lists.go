package emulator

import (
	"encoding/base64"
	"maps"
	"net/url"
	"slices"
	"strconv"
)

// page is the part of a list that a request asks for: what comes after its
// Marker by key, MaxItems of it, and no more than most. next is the marker of the rest,
// if there is any.
//
// A marker is opaque to the caller: it is the last key listed, and stays good
// when that is deleted.
func page[T any](query url.Values, list map[string]T, most int) (part []T, next string, err error) {
	size := most
	if given := query.Get("MaxItems"); given != "" {
		n, err := strconv.Atoi(given)
		if err != nil {
			return nil, "", invalid(given, "maxItems", "Member must be an integer")
		}
		if err := inRange(n, "maxItems", 1, 10000); err != nil {
			return nil, "", err
		}
		size = min(size, n)
	}
	after, err := base64.RawURLEncoding.DecodeString(query.Get("Marker"))
	if err != nil {
		return nil, "", invalidParameter("Invalid marker: %s", query.Get("Marker"))
	}
	keys := slices.Sorted(maps.Keys(list))
	first, found := slices.BinarySearch(keys, string(after))
	if found {
		first++
	}
	last := min(first+size, len(keys))
	part = []T{}
	for _, key := range keys[first:last] {
		part = append(part, list[key])
	}
	if last < len(keys) {
		next = base64.RawURLEncoding.EncodeToString([]byte(keys[last-1]))
	}
	return part, next, nil
}
