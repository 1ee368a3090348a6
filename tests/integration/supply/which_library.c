// Prints the file behind a library, as a program gets it that asks by name: libvirglrenderer.so.1,
// or that of the argument.
#include <dlfcn.h>
#include <link.h>
#include <stdio.h>

int main(int count, char** arguments) {
    void* library = dlopen(count > 1 ? arguments[1] : "libvirglrenderer.so.1", RTLD_NOW);
    struct link_map* file = NULL;
    if (!library || dlinfo(library, RTLD_DI_LINKMAP, &file) != 0) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    puts(file->l_name);
    return 0;
}
