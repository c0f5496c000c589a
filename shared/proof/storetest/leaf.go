package storetest

import (
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/rollcall/rollcall/shared/token"
)

// leaf is a stored field: the fields that lead to it, through structs, pointers
// and the elements of slices.
type leaf struct {
	name string
	path []int
}

var (
	timeType  = reflect.TypeFor[time.Time]()
	hashType  = reflect.TypeFor[token.Hash]()
	bytesType = reflect.TypeFor[[]byte]()
)

// inside is the struct that a type holds, if it is one whose fields are stored
// one by one.
func inside(t reflect.Type) (reflect.Type, bool) {
	if t.Kind() == reflect.Pointer || (t.Kind() == reflect.Slice && !t.ConvertibleTo(bytesType)) {
		t = t.Elem()
	}
	return t, t.Kind() == reflect.Struct && t != timeType
}

// leavesOf lists the fields of a type, with those of what it holds.
func leavesOf[V any]() []leaf { return leaves(reflect.TypeFor[V](), leaf{}) }

func leaves(t reflect.Type, to leaf) (out []leaf) {
	for i := range t.NumField() {
		f := t.Field(i)
		at := leaf{to.name + "." + f.Name, append(slices.Clip(to.path), i)}
		if f.Anonymous {
			at.name = to.name
		}
		if inner, ok := inside(f.Type); ok {
			out = append(out, leaves(inner, at)...)
			continue
		}
		at.name = at.name[1:] // the first dot
		out = append(out, at)
	}
	return out
}

// edit calls do with the field, in a copy of v that shares nothing on the way to
// it with v. It calls it for each element of a slice, and not below nil.
func (l leaf) edit(v reflect.Value, do func(reflect.Value)) { edit(v, l.path, do) }

func edit(v reflect.Value, path []int, do func(reflect.Value)) {
	switch {
	case len(path) == 0:
		do(v)
	case v.Kind() == reflect.Pointer:
		if !v.IsNil() {
			fresh := reflect.New(v.Type().Elem())
			fresh.Elem().Set(v.Elem())
			v.Set(fresh)
			edit(v.Elem(), path, do)
		}
	case v.Kind() == reflect.Slice:
		fresh := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(fresh, v)
		v.Set(fresh)
		for i := range v.Len() {
			edit(v.Index(i), path, do)
		}
	default:
		edit(v.Field(path[0]), path[1:], do)
	}
}

// set is v with the field set to its nth value.
func set[V any](l leaf, v V, n int) V {
	l.edit(reflect.ValueOf(&v).Elem(), func(field reflect.Value) { fill(field, n) })
	return v
}

// cleared is v with the field zero.
func cleared[V any](l leaf, v V) V {
	l.edit(reflect.ValueOf(&v).Elem(), func(field reflect.Value) { field.SetZero() })
	return v
}

// filled is a value whose every field, at any depth, has its nth value. For n > 0
// none is zero, but for a bool, which is true for odd numbers.
func filled[V any](n int) (v V) {
	fill(reflect.ValueOf(&v).Elem(), n)
	return v
}

func fill(v reflect.Value, n int) {
	switch t := v.Type(); {
	case t == timeType:
		v.Set(reflect.ValueOf(t0.Add(time.Duration(n) * time.Second)))
	case t == hashType:
		v.Set(reflect.ValueOf(hash(fmt.Sprint(n))))
	case t.Kind() == reflect.Slice && t.ConvertibleTo(bytesType):
		v.SetBytes(fmt.Appendf(nil, `{"n":%d}`, n))
	case t.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(t, 1, 1))
		fill(v.Index(0), n)
	case t.Kind() == reflect.Pointer:
		v.Set(reflect.New(t.Elem()))
		fill(v.Elem(), n)
	case t.Kind() == reflect.Struct:
		for i := range t.NumField() {
			fill(v.Field(i), n)
		}
	case t.Kind() == reflect.String:
		v.SetString(fmt.Sprint("v", n))
	case t.Kind() == reflect.Bool:
		v.SetBool(n%2 == 1)
	default:
		v.SetInt(int64(n))
	}
}

// atMillis is v with every time as leases keep it: in UTC, to the millisecond.
func atMillis[V any](v V) V {
	for _, l := range leavesOf[V]() {
		l.edit(reflect.ValueOf(&v).Elem(), func(field reflect.Value) {
			if at, ok := reflect.TypeAssert[time.Time](field); ok && !at.IsZero() {
				field.Set(reflect.ValueOf(time.UnixMilli(at.UnixMilli()).UTC()))
			}
		})
	}
	return v
}
