// Command tiny does nothing.
package main

func main() {}
