#include "display/input/keymap.h"

#include <linux/input-event-codes.h>
#include <unistd.h>
#include <xkbcommon/xkbcommon.h>

#include <string>

namespace viaduct::input {

namespace {

// Maps have some 60 KiB.
constexpr uint32_t kMaxSize = 4 << 20;

// Not mapped: a compositor's file may be sealed, or not.
Result<std::string> read_text(int fd, uint32_t size) {
    if (size == 0 || size > kMaxSize) return fail(EINVAL, "invalid keymap size: {} bytes", size);
    std::string text(size, '\0');
    const ssize_t got = ::pread(fd, text.data(), text.size(), 0);
    if (got <= 0) return fail(EINVAL, "cannot read the keymap of {} bytes", size);
    text.resize(static_cast<size_t>(got));
    return text;
}

}  // namespace

void Keymap::Unref::operator()(xkb_context* context) const {
    xkb_context_unref(context);
}

void Keymap::Unref::operator()(xkb_keymap* keymap) const {
    xkb_keymap_unref(keymap);
}

Status Keymap::load(int fd, uint32_t size) {
    const auto text = read_text(fd, size);
    if (!text) return tl::unexpected(text.error());
    if (!context_) context_.reset(xkb_context_new(XKB_CONTEXT_NO_DEFAULT_INCLUDES));
    if (!context_) return fail(ENOMEM, "no memory for keymaps");
    xkb_context_set_log_level(context_.get(), XKB_LOG_LEVEL_CRITICAL);
    std::unique_ptr<xkb_keymap, Unref> keymap(xkb_keymap_new_from_string(
        context_.get(), text->c_str(), XKB_KEYMAP_FORMAT_TEXT_V1, XKB_KEYMAP_COMPILE_NO_FLAGS));
    if (!keymap) return fail(EINVAL, "the compositor's keymap has errors");
    keymap_ = std::move(keymap);
    return {};
}

uint32_t Keymap::symbol(uint32_t evdev) const {
    if (!keymap_) return evdev == KEY_G ? XKB_KEY_g : evdev == KEY_F ? XKB_KEY_f : XKB_KEY_NoSymbol;
    // xkb's numbers of keys are the kernel's and 8, as in X11.
    const xkb_keysym_t* symbols = nullptr;
    const int count = xkb_keymap_key_get_syms_by_level(keymap_.get(), evdev + 8, 0, 0, &symbols);
    return count == 1 ? symbols[0] : uint32_t{XKB_KEY_NoSymbol};
}

}  // namespace viaduct::input
