package led

import (
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"unsafe"
)

// struct gpio_v2_line_request; of an attribute these are id, value and mask.
type request struct {
	offsets               [64]uint32
	consumer              [32]byte
	flags, attributeCount uint64
	_                     [2]uint64
	attributes            [10][3]uint64
	lineCount             uint32
	_                     [6]uint32
	fd                    int32
}

// What is tested: switches line 3 of a chip on.
func switchOn(chip int) syscall.Errno {
	r := request{offsets: [64]uint32{3}, lineCount: 1, flags: 1 << 3, attributeCount: 1}
	r.attributes[0] = [3]uint64{2, 1, 1} // this output is active
	_, _, err := syscall.Syscall(syscall.SYS_IOCTL, uintptr(chip), 0xc250b407, uintptr(unsafe.Pointer(&r)))
	return err
}

func TestTheLedIsLit(t *testing.T) {
	chip, err := syscall.Open("/dev/gpiochip0", syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	if errno := switchOn(chip); err != nil || errno != 0 {
		t.Fatal(err, errno)
	}
	wait := strings.Fields("ctl wait bench 3 high --timeout 5")
	if out, err := exec.Command("ugpio", wait...).CombinedOutput(); err != nil {
		t.Fatal(err, string(out))
	}
}
