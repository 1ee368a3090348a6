#include "tests/integration/node/toy_nodes.h"

#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>

#include <cstring>
#include <fstream>
#include <sstream>

namespace toy {

std::string read_text(const std::string& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

std::set<std::string> list(const std::string& path) {
    std::set<std::string> names;
    DIR* directory = ::opendir(path.c_str());
    if (directory == nullptr) return names;
    while (const dirent* entry = ::readdir(directory)) names.insert(entry->d_name);
    ::closedir(directory);
    return names;
}

static std::string find_node(const std::string& prefix, const std::string& vendor) {
    for (const std::string& name : list("/sys/class/drm")) {
        if (!name.starts_with(prefix)) continue;
        const std::string device = "/sys/class/drm/" + name + "/device/";
        if (read_text(device + "vendor") == vendor + "\n") return "/dev/dri/" + name;
    }
    return "none";
}

const std::string& render_node() {
    static const std::string path = find_node("renderD", "0x1234");
    return path;
}

const std::string& card_node() {
    static const std::string path = find_node("card", "0x1234");
    return path;
}

const std::string& virtio_node() {
    static const std::string path = find_node("renderD", "0x1af4");
    return path;
}

UniqueFd open_node(const std::string& path) {
    return UniqueFd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
}

toy_state state_of(int fd) {
    toy_state state = {};
    EXPECT_EQ(::ioctl(fd, TOY_IOCTL_STATE, &state), 0) << std::strerror(errno);
    return state;
}

bool is_toy(int fd) {
    toy_state state = {};
    return ::ioctl(fd, TOY_IOCTL_STATE, &state) == 0;
}

}  // namespace toy
