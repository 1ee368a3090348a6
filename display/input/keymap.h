// Keymap: the labels of a keyboard's keys, for the viewer's own shortcuts.
#pragma once

#include <cstdint>
#include <memory>

#include "base/result.h"

struct xkb_context;
struct xkb_keymap;

namespace viaduct::input {

/// The guest has a layout of its own and is sent key numbers; only shortcuts go by labels.
class Keymap {
  public:
    /// Reads the compositor's map, of `size` bytes, from a file (borrowed). EINVAL: it is not one.
    Status load(int fd, uint32_t size);
    /// The symbol (xkbcommon-keysyms.h) that a key has without modifiers. Before a map was loaded,
    /// that of an American keyboard for the letters that shortcuts have; 0: none.
    uint32_t symbol(uint32_t evdev) const;

  private:
    struct Unref {
        void operator()(xkb_context* context) const;
        void operator()(xkb_keymap* keymap) const;
    };
    std::unique_ptr<xkb_context, Unref> context_;
    std::unique_ptr<xkb_keymap, Unref> keymap_;
};

}  // namespace viaduct::input
