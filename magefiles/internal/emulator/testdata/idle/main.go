// Idle is a small program that is no handler.
package main

func main() {}
