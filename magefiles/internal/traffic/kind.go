package traffic

// KindOf says what is made of a sample event.
func KindOf(event []byte) (Kind, error) {
	t, err := parse(event)
	if err != nil {
		return "", err
	}
	return t.kind, nil
}
