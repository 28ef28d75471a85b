package watch

import "os"

// notifyResized does nothing: the size is looked at each second.
func notifyResized(chan<- os.Signal) {}

// suspend does nothing: Windows has no job control.
func suspend() {}
