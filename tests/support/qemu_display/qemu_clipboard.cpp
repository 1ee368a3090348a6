// QEMU's side of org.qemu.Display1.Clipboard.
#include <gtest/gtest.h>

#include "tests/support/qemu_display/qemu_display.h"

namespace viaduct::test {

namespace {

constexpr char kClipboardPath[] = "/org/qemu/Display1/Clipboard";
constexpr char kClipboardInterface[] = "org.qemu.Display1.Clipboard";

std::string read_types(sd_bus_message* message) {
    std::string all;
    EXPECT_GT(sd_bus_message_enter_container(message, 'a', "s"), 0);
    const char* type = nullptr;
    while (sd_bus_message_read_basic(message, 's', &type) > 0) all += std::string(" ") + type;
    EXPECT_GE(sd_bus_message_exit_container(message), 0);
    return all;
}

}  // namespace

struct QemuClipboardMethods {
    static QemuDisplay& self(void* data) { return *static_cast<QemuDisplay*>(data); }

    // Its own side starts anew first.
    static int registered(sd_bus_message* message, void* data, sd_bus_error*) {
        self(data).calls.emplace_back("Register");
        if (!self(data).offers_clipboard)
            return sd_bus_reply_method_errorf(message, "org.qemu.Display1.Error.Failed",
                                              "Clipboard peer already registered!");
        self(data).restart_clipboard();
        return sd_bus_reply_method_return(message, "");
    }

    static int grab(sd_bus_message* message, void* data, sd_bus_error*) {
        uint32_t selection = 0;
        uint32_t serial = 0;
        EXPECT_GT(sd_bus_message_read(message, "uu", &selection, &serial), 0);
        self(data).calls.push_back("Grab " + std::to_string(selection) + " " +
                                   std::to_string(serial) + read_types(message));
        return sd_bus_reply_method_return(message, "");
    }

    static int release(sd_bus_message* message, void* data, sd_bus_error*) {
        uint32_t selection = 0;
        EXPECT_GT(sd_bus_message_read(message, "u", &selection), 0);
        self(data).calls.push_back("Release " + std::to_string(selection));
        return sd_bus_reply_method_return(message, "");
    }

    static int request(sd_bus_message* message, void* data, sd_bus_error*) {
        QemuDisplay& display = self(data);
        uint32_t selection = 0;
        EXPECT_GT(sd_bus_message_read(message, "u", &selection), 0);
        display.calls.push_back("Request " + std::to_string(selection) + read_types(message));
        EXPECT_EQ(display.requests, 0) << "QEMU refuses a second one";
        ++display.requests;
        display.requests_.emplace_back(sd_bus_message_ref(message), sd_bus_message_unref);
        return 1;
    }

    static int pasted(sd_bus_message* reply, void* data, sd_bus_error*) {
        QemuDisplay& display = self(data);
        const char* type = nullptr;
        const void* bytes = nullptr;
        size_t size = 0;
        if (sd_bus_message_is_method_error(reply, nullptr)) {
            ++display.refused_pastes;
            return 0;
        }
        EXPECT_GT(sd_bus_message_read(reply, "s", &type), 0);
        EXPECT_GE(sd_bus_message_read_array(reply, 'y', &bytes, &size), 0);
        display.pasted.emplace_back(static_cast<const char*>(bytes), size);
        return 0;
    }
};

const sd_bus_vtable kQemuClipboard[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD("Register", "", "", QemuClipboardMethods::registered, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("Grab", "uuas", "", QemuClipboardMethods::grab, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("Release", "u", "", QemuClipboardMethods::release, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("Request", "uas", "say", QemuClipboardMethods::request,
                  SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_VTABLE_END,
};

void QemuDisplay::add_clipboard() {
    sd_bus_slot* slot = nullptr;
    EXPECT_GE(sd_bus_add_object_vtable(bus_.get(), &slot, kClipboardPath, kClipboardInterface,
                                       kQemuClipboard, this),
              0);
    slots_.emplace_back(slot);
}

void QemuDisplay::copy(uint32_t serial, const std::vector<std::string>& types, uint32_t selection) {
    sd_bus_message* message = nullptr;
    EXPECT_GE(sd_bus_message_new_method_call(bus_.get(), &message, nullptr, kClipboardPath,
                                             kClipboardInterface, "Grab"),
              0);
    EXPECT_GE(sd_bus_message_append(message, "uu", selection, serial), 0);
    EXPECT_GE(sd_bus_message_open_container(message, 'a', "s"), 0);
    for (const std::string& type : types)
        EXPECT_GE(sd_bus_message_append(message, "s", type.c_str()), 0);
    EXPECT_GE(sd_bus_message_close_container(message), 0);
    EXPECT_GE(sd_bus_call_async(bus_.get(), nullptr, message, nullptr, nullptr, 0), 0);
    sd_bus_message_unref(message);
}

void QemuDisplay::uncopy() {
    EXPECT_GE(sd_bus_call_method_async(bus_.get(), nullptr, nullptr, kClipboardPath,
                                       kClipboardInterface, "Release", nullptr, nullptr, "u", 0),
              0);
}

void QemuDisplay::restart_clipboard() {
    EXPECT_GE(sd_bus_call_method_async(bus_.get(), nullptr, nullptr, kClipboardPath,
                                       kClipboardInterface, "Register", nullptr, nullptr, ""),
              0);
}

void QemuDisplay::paste(const std::string& type) {
    EXPECT_GE(sd_bus_call_method_async(bus_.get(), nullptr, nullptr, kClipboardPath,
                                       kClipboardInterface, "Request", QemuClipboardMethods::pasted,
                                       this, "uas", 0, 1, type.c_str()),
              0);
}

void QemuDisplay::answer_request(const std::string& type, const std::string& bytes) {
    ASSERT_FALSE(requests_.empty());
    sd_bus_message* reply = nullptr;
    EXPECT_GE(sd_bus_message_new_method_return(requests_.front().get(), &reply), 0);
    EXPECT_GE(sd_bus_message_append(reply, "s", type.c_str()), 0);
    EXPECT_GE(sd_bus_message_append_array(reply, 'y', bytes.data(), bytes.size()), 0);
    EXPECT_GE(sd_bus_send(bus_.get(), reply, nullptr), 0);
    sd_bus_message_unref(reply);
    requests_.erase(requests_.begin());
    --requests;
}

}  // namespace viaduct::test
